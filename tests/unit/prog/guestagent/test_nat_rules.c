#include "prog/guestagent/nat_rules.h"

#include <string.h>

#include "../../unit_test.h"
#include "nat_rule_samples.h"

static void unhex(const char *text, struct sb *out)
{
    for (; text[0] && text[1]; text += 2) {
        const char digits[3] = { text[0], text[1], '\0' };

        sb_putc(out, (char)strtoul(digits, NULL, 16));
    }
}

enum { BOTH = GUEST_WATCH_TCP | GUEST_WATCH_UDP };

static void recorded_rules_are_understood(void **state)
{
    static const struct {
        const char *name, *hex;
        size_t n;
        enum guest_proto proto;
        uint16_t first, last;
        const char *address;
        uint8_t n_address;
    } cases[] = {
        { "nft tcp", nft_tcp, 1, GUEST_TCP, 8080, 8080, "\0\0\0\0", 4 },
        { "nft udp of an address", nft_udp_address, 1, GUEST_UDP, 53, 53, "\x7f\0\0\1", 4 },
        { "nft range", nft_range, 3, GUEST_TCP, 9000, 9002, "\0\0\0\0", 4 },
        { "nft network", nft_network, 0, 0, 0, 0, NULL, 0 },
        { "nft redirect", nft_redirect, 0, 0, 0, 0, NULL, 0 },
        { "nft inet", nft_inet, 1, GUEST_TCP, 8090, 8090, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16 },
        { "docker", docker, 1, GUEST_TCP, 8082, 8082, "\x7f\0\0\1", 4 },
        { "cni range", cni_range, 3, GUEST_UDP, 8085, 8087, "\0\0\0\0", 4 },
        { "cni multiport", cni_multiport, 4, GUEST_TCP, 8100, 8112, "\0\0\0\0", 4 },
        { "all but a port", other_ports, 0, 0, 0, 0, NULL, 0 },
        { "network", network, 0, 0, 0, 0, NULL, 0 },
        { "jump", jump, 0, 0, 0, 0, NULL, 0 },
        { "ip6tables", ip6tables, 1, GUEST_TCP, 8130, 8130, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
          16 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb rule = { 0 };
        struct ports ports = { 0 };

        unhex(cases[i].hex, &rule);
        nat_rules_parse(sb_view(&rule), BOTH, &ports);
        check_row(ports.list.n == cases[i].n, cases[i].name);
        if (cases[i].n > 0) {
            const struct guest_port *first = &ports.list.v[0];

            check_row(first->proto == cases[i].proto, cases[i].name);
            check_row(first->flags == GUEST_PORT_NAT, cases[i].name);
            check_row(first->port == cases[i].first, cases[i].name);
            check_row(ports.list.v[ports.list.n - 1].port == cases[i].last, cases[i].name);
            check_row(first->n_address == cases[i].n_address, cases[i].name);
            check_row(memcmp(first->address, cases[i].address, cases[i].n_address) == 0,
                      cases[i].name);
        }
        ports_done(&ports);
    }
}

static void only_wanted_protocols_count(void **state)
{
    auto_sb struct sb rule = { 0 };
    struct ports ports = { 0 };

    unhex(nft_tcp, &rule);
    nat_rules_parse(sb_view(&rule), GUEST_WATCH_UDP, &ports);
    assert_int_equal(ports.list.n, 0);
    nat_rules_parse(sb_view(&rule), GUEST_WATCH_TCP, &ports);
    assert_int_equal(ports.list.n, 1);
    ports_done(&ports);
}

static void every_cut_is_harmless(void **state)
{
    auto_sb struct sb rule = { 0 };

    unhex(docker, &rule);
    for (size_t cut = 0; cut < rule.n; cut++) {
        auto_mem char *copy = mem_dup(rule.p, cut + 1); /* so that reading beyond is noticed */
        struct ports ports = { 0 };

        nat_rules_parse((struct sv){ copy, cut }, BOTH, &ports);
        assert_true(ports.list.n <= 1);
        ports_done(&ports);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_rules_are_understood),
        cmocka_unit_test(only_wanted_protocols_count),
        cmocka_unit_test(every_cut_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
