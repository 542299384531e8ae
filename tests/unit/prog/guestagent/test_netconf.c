#include "prog/guestagent/netconf.h"

#include "sample_seed.h"
#include "unit_test.h"

static void fixed_address_needs_no_dhcp(void **state)
{
    auto_seed struct seed seed = { 0 };
    auto_sb struct sb out = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV), &seed, NULL));
    assert_true(netconf_is_static(&seed, 0));
    netconf_networkd(&seed, 0, &out);
    assert_string_equal(sb_str(&out), "[Match]\nMACAddress=52:55:55:aa:bb:cc\n\n"
                                      "[Network]\nDNS=192.168.5.3\nAddress=192.168.5.15/24\n\n"
                                      "[Route]\nGateway=192.168.5.2\nMetric=200\n");
}

static void other_interfaces_ask_dhcp(void **state)
{
    auto_seed struct seed seed = { 0 };
    auto_sb struct sb network = { 0 }, link = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV), &seed, NULL));
    assert_false(netconf_is_static(&seed, 1));
    netconf_networkd(&seed, 1, &network);
    netconf_link(&seed, 1, &link);
    assert_string_equal(
        sb_str(&network),
        "[Match]\nMACAddress=52:55:55:00:00:01\n\n[Link]\nRequiredForOnline=no\n\n"
        "[Network]\nDHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\nRouteMetric=100\n");
    assert_string_equal(sb_str(&link), "[Match]\nMACAddress=52:55:55:00:00:01\nType=ether\n\n"
                                       "[Link]\nName=lima0\n");
}

static void primary_without_address_asks_dhcp_but_keeps_its_name_servers(void **state)
{
    auto_seed struct seed seed = { 0 };
    auto_sb struct sb out = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV "LIMA_CIDATA_SLIRP_IP_ADDRESS=\n"), &seed, NULL));
    netconf_networkd(&seed, 0, &out);
    assert_string_equal(sb_str(&out), "[Match]\nMACAddress=52:55:55:aa:bb:cc\n\n"
                                      "[Network]\nDNS=192.168.5.3\nDHCP=ipv4\n\n[DHCPv4]\n"
                                      "ClientIdentifier=mac\nRouteMetric=200\nUseDNS=no\n");
}

static void ifupdown_and_resolv_conf(void **state)
{
    auto_seed struct seed seed = { 0 };
    auto_sb struct sb interfaces = { 0 }, resolv = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV), &seed, NULL));
    netconf_ifupdown(&seed, &interfaces);
    netconf_resolv(&seed, &resolv);
    assert_string_equal(sb_str(&interfaces),
                        "auto eth0\niface eth0 inet static\n    address 192.168.5.15/24\n"
                        "    gateway 192.168.5.2\n    metric 200\n"
                        "auto lima0\niface lima0 inet dhcp\n    metric 100\n");
    assert_string_equal(sb_str(&resolv), "nameserver 192.168.5.3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_address_needs_no_dhcp),
        cmocka_unit_test(other_interfaces_ask_dhcp),
        cmocka_unit_test(primary_without_address_asks_dhcp_but_keeps_its_name_servers),
        cmocka_unit_test(ifupdown_and_resolv_conf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
