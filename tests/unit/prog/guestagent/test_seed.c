#include "prog/guestagent/seed.h"

#include "base/sb.h"
#include "sample_seed.h"
#include "unit_test.h"

static void complete_seed_is_understood(void **state)
{
    auto_seed struct seed seed = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV), &seed, NULL));
    assert_string_equal(seed.iid, "iid-1700000000");
    assert_string_equal(seed.user, "jane");
    assert_int_equal(seed.uid, 1002);
    assert_string_equal(seed.comment, "Jane Doe=x");
    assert_string_equal(seed.home, "/home/jane.guest");
    assert_string_equal(seed.timezone, "Europe/Berlin");
    assert_string_equal(seed.address, "192.168.5.15");
    assert_int_equal(seed.vsock_port, 2222);
    assert_true(seed.passwordless_sudo);
    assert_int_equal(seed.nics.n, 2);
    assert_string_equal(seed.nics.v[0].mac, "52:55:55:aa:bb:cc");
    assert_string_equal(seed.nics.v[1].name, "lima0");
    assert_int_equal(seed.nics.v[0].metric, 200);
    assert_int_equal(seed.nics.v[1].metric, 100);
    assert_int_equal(seed.name_servers.n, 1); /* the resolver of the user-mode network */
    assert_string_equal(seed.name_servers.v[0], "192.168.5.3");
}

static void name_servers_are_a_list(void **state)
{
    auto_seed struct seed seed = { 0 };

    assert_true(
        seed_parse(SV(SAMPLE_ENV "LIMA_CIDATA_DNS_ADDRESSES=1.1.1.1,fe80::1\n"), &seed, NULL));
    assert_int_equal(seed.name_servers.n, 2);
    assert_string_equal(seed.name_servers.v[1], "fe80::1");
}

static void prefix_has_a_default(void **state)
{
    auto_seed struct seed seed = { 0 };

    assert_true(seed_parse(SV(SAMPLE_ENV "LIMA_CIDATA_GUEST_INSTALL_PREFIX=\n"), &seed, NULL));
    assert_string_equal(seed.prefix, "/usr/local");
}

static void impossible_values_are_refused_by_name(void **state)
{
    static const struct {
        const char *line, *named;
    } cases[] = {
        { "IID=", "IID" },
        { "USER=", "USER" },
        { "USER=root", "USER" },
        { "USER=a:b", "USER" },
        { "USER=../x", "USER" },
        { "UID=0", "UID" },
        { "UID=", "UID" },
        { "UID=4294967295", "UID" },
        { "HOME=", "HOME" },
        { "HOME=/", "HOME" },
        { "HOME=/home/../etc", "HOME" },
        { "HOME=/a:b", "HOME" },
        { "SHELL=bash", "SHELL" },
        { "HOSTNAME=a b", "HOSTNAME" },
        { "TIMEZONE=../../x", "TIMEZONE" },
        { "GUEST_INSTALL_PREFIX=usr", "GUEST_INSTALL_PREFIX" },
        { "SLIRP_GATEWAY=fe80::1", "SLIRP_GATEWAY" },
        { "SLIRP_IP_ADDRESS=192.168.5", "SLIRP_IP_ADDRESS" },
        { "DNS_ADDRESSES=1.1.1.1,dns", "DNS_ADDRESSES" },
        { "NETWORKS_0_MAC=52:55", "NETWORKS" },
        { "NETWORKS_1_NAME=a/b", "NETWORKS" },
        { "NETWORKS_99_MAC=52:55:55:00:00:01", "NETWORKS" },
        { "NETWORKS_0_METRIC=x", "METRIC" },
        { "VSOCK_PORT=x", "VSOCK_PORT" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb env = { 0 };
        auto_err struct err *err = NULL;
        struct seed seed;

        sb_puts(&env, SAMPLE_ENV);
        sb_putf(&env, "LIMA_CIDATA_%s\n", cases[i].line);
        check_row(!seed_parse(sb_view(&env), &seed, &err), cases[i].line);
        check_row(err_kind(err) == ERR_INVALID, cases[i].line);
        check_row(strstr(err_text(err), cases[i].named) != NULL, cases[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_seed_is_understood),
        cmocka_unit_test(name_servers_are_a_list),
        cmocka_unit_test(prefix_has_a_default),
        cmocka_unit_test(impossible_values_are_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
