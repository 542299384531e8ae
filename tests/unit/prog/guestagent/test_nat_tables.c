#include "prog/guestagent/nat_tables.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
/* after netinet/in.h, whose types they use */
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "../../unit_test.h"

enum { BOTH = GUEST_WATCH_TCP | GUEST_WATCH_UDP };

/* An entry of a table: protocol, destination (empty = every one), ports, target. */
struct entry {
    int family;
    uint8_t protocol;
    struct sv address, mask;
    unsigned invflags;
    const char *match;
    uint16_t ports[2];
    const char *target;
};

static void put_match(struct sb *out, const struct entry *e)
{
    struct xt_entry_match head = { 0 };
    struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { e->ports[0], e->ports[1] } };
    struct xt_udp udp = { .spts = { 0, 65535 }, .dpts = { e->ports[0], e->ports[1] } };
    struct sv info = strcmp(e->match, "udp") == 0 ? (struct sv){ (char *)&udp, sizeof(udp) }
                                                  : (struct sv){ (char *)&tcp, sizeof(tcp) };

    (void)strncpy(head.u.user.name, e->match, sizeof(head.u.user.name) - 1);
    head.u.user.match_size = (uint16_t)(sizeof(head) + info.n);
    sb_put(out, (struct sv){ (char *)&head, sizeof(head) });
    sb_put(out, info);
}

static void put_entry(struct sb *out, const struct entry *e)
{
    struct ipt_entry v4 = { .ip = { .proto = e->protocol, .invflags = (uint8_t)e->invflags } };
    struct ip6t_entry v6 = { .ipv6 = { .proto = e->protocol, .invflags = (uint8_t)e->invflags } };
    struct xt_entry_target target = { .u.user.target_size = sizeof(target) + 8 };
    auto_sb struct sb match = { 0 };
    const char padding[8] = { 0 };

    if (e->match)
        put_match(&match, e);
    (void)strncpy(target.u.user.name, e->target, sizeof(target.u.user.name) - 1);
    if (e->address.n > 0) {
        memcpy(&v4.ip.dst, e->address.p, 4);
        memcpy(&v4.ip.dmsk, e->mask.p, 4);
    }
    v4.target_offset = (uint16_t)(sizeof(v4) + match.n);
    v4.next_offset = (uint16_t)(v4.target_offset + sizeof(target) + 8);
    v6.target_offset = (uint16_t)(sizeof(v6) + match.n);
    v6.next_offset = (uint16_t)(v6.target_offset + sizeof(target) + 8);
    if (e->family == AF_INET)
        sb_put(out, (struct sv){ (char *)&v4, sizeof(v4) });
    else
        sb_put(out, (struct sv){ (char *)&v6, sizeof(v6) });
    sb_put(out, sb_view(&match));
    sb_put(out, (struct sv){ (char *)&target, sizeof(target) });
    sb_put(out, (struct sv){ padding, sizeof(padding) });
}

static void redirections_are_found(void **state)
{
    static const struct {
        const char *name;
        struct entry entry;
        size_t n;
        uint16_t first;
        size_t n_address;
    } cases[] = {
        { "docker",
          { AF_INET, IPPROTO_TCP, SV(""), SV(""), 0, "tcp", { 8080, 8080 }, "DNAT" },
          1,
          8080,
          4 },
        { "udp range",
          { AF_INET, IPPROTO_UDP, SV(""), SV(""), 0, "udp", { 90, 92 }, "DNAT" },
          3,
          90,
          4 },
        { "of an address",
          { AF_INET,
            IPPROTO_TCP,
            SV("\x7f\0\0\1"),
            SV("\xff\xff\xff\xff"),
            0,
            "tcp",
            { 81, 81 },
            "DNAT" },
          1,
          81,
          4 },
        { "of all but an address",
          { AF_INET,
            IPPROTO_TCP,
            SV("\x7f\0\0\1"),
            SV("\xff\xff\xff\xff"),
            IPT_INV_DSTIP,
            "tcp",
            { 82, 82 },
            "DNAT" },
          1,
          82,
          4 },
        { "of a network",
          { AF_INET,
            IPPROTO_TCP,
            SV("\x0a\0\0\0"),
            SV("\xff\0\0\0"),
            0,
            "tcp",
            { 83, 83 },
            "DNAT" },
          0,
          0,
          0 },
        { "IPv6",
          { AF_INET6, IPPROTO_TCP, SV(""), SV(""), 0, "tcp", { 84, 84 }, "DNAT" },
          1,
          84,
          16 },
        { "every port",
          { AF_INET, IPPROTO_TCP, SV(""), SV(""), 0, "tcp", { 0, 65535 }, "DNAT" },
          0,
          0,
          0 },
        { "without a match",
          { AF_INET, IPPROTO_TCP, SV(""), SV(""), 0, NULL, { 0, 0 }, "DNAT" },
          0,
          0,
          0 },
        { "another target",
          { AF_INET, IPPROTO_TCP, SV(""), SV(""), 0, "tcp", { 85, 85 }, "REDIRECT" },
          0,
          0,
          0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb table = { 0 };
        struct ports ports = { 0 };

        put_entry(&table, &(struct entry){ .family = cases[i].entry.family, .target = "" });
        put_entry(&table, &cases[i].entry);
        put_entry(&table, &(struct entry){ .family = cases[i].entry.family, .target = "ERROR" });
        nat_tables_parse(cases[i].entry.family, sb_view(&table), BOTH, &ports);
        check_row(ports.list.n == cases[i].n, cases[i].name);
        if (cases[i].n > 0) {
            check_row(ports.list.v[0].port == cases[i].first, cases[i].name);
            check_row(ports.list.v[0].n_address == cases[i].n_address, cases[i].name);
            check_row(ports.list.v[0].flags == GUEST_PORT_NAT, cases[i].name);
        }
        ports_done(&ports);
        nat_tables_parse(cases[i].entry.family, sb_view(&table), 0, &ports);
        check_row(ports.list.n == 0, cases[i].name);
        ports_done(&ports);
    }
}

static void cut_and_wrong_tables_end_early(void **state)
{
    static const struct entry entry = { AF_INET, IPPROTO_TCP, SV(""),     SV(""),
                                        0,       "tcp",       { 80, 80 }, "DNAT" };
    auto_sb struct sb table = { 0 };

    put_entry(&table, &entry);
    for (size_t n = 0; n <= table.n; n++) {
        auto_mem char *part = mem_dup(n > 0 ? table.p : "", n > 0 ? n : 1);
        struct ports ports = { 0 };

        nat_tables_parse(AF_INET, (struct sv){ part, n }, BOTH, &ports);
        assert_int_equal(ports.list.n, n == table.n);
        ports_done(&ports);
    }
    for (unsigned at = offsetof(struct ipt_entry, target_offset); at < sizeof(struct ipt_entry);
         at++) {
        struct ports ports = { 0 };
        char was = table.p[at];

        table.p[at] = (char)0xff;
        nat_tables_parse(AF_INET, sb_view(&table), BOTH, &ports);
        table.p[at] = was;
        ports_done(&ports);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redirections_are_found),
        cmocka_unit_test(cut_and_wrong_tables_end_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
