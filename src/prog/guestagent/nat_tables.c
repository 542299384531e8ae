/*
 * A table is a sequence of entries: a head with addresses and protocol, matches, one target.
 * Offsets in it lead to the target and to the next entry.
 */
#include "prog/guestagent/nat_tables.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
/* after netinet/in.h, whose types they use */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/mem.h"
#include "prog/guestagent/nat_rule.h"
#include "sys/file.h"

enum { NAMES_SIZE_MAX = 4096, TABLE_SIZE_MAX = 16 * 1024 * 1024 };

/* Requests and structures of both families are alike. */
static const struct source {
    int family, level, get_info, get_entries;
    const char *names;
} sources[] = {
    { AF_INET, SOL_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES, "/proc/net/ip_tables_names" },
    { AF_INET6, SOL_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES, "/proc/net/ip6_tables_names" },
};

/* The part of a head that both families have in other places. */
struct head {
    size_t size;
    uint16_t target_at, next_at;
};

static void take_address(struct nat_rule *rule, const void *address, const void *mask, size_t n,
                         bool is_inverted)
{
    static const uint8_t none[16];
    uint8_t all[16];

    memset(all, 0xff, sizeof(all));
    if (is_inverted || memcmp(mask, none, n) == 0)
        return;
    if (memcmp(mask, all, n) != 0) {
        rule->is_network = true;
        return;
    }
    memcpy(rule->address, address, n);
    rule->n_address = n;
}

static bool take_head(struct nat_rule *rule, struct sv entry, struct head *out)
{
    struct ipt_entry v4;
    struct ip6t_entry v6;

    if (rule->family == AF_INET && entry.n >= sizeof(v4)) {
        memcpy(&v4, entry.p, sizeof(v4));
        *out = (struct head){ sizeof(v4), v4.target_offset, v4.next_offset };
        rule->protocol = v4.ip.invflags & IPT_INV_PROTO ? 0 : v4.ip.proto;
        take_address(rule, &v4.ip.dst, &v4.ip.dmsk, 4, v4.ip.invflags & IPT_INV_DSTIP);
        return true;
    }
    if (rule->family == AF_INET6 && entry.n >= sizeof(v6)) {
        memcpy(&v6, entry.p, sizeof(v6));
        *out = (struct head){ sizeof(v6), v6.target_offset, v6.next_offset };
        rule->protocol = v6.ipv6.invflags & IP6T_INV_PROTO ? 0 : v6.ipv6.proto;
        take_address(rule, &v6.ipv6.dst, &v6.ipv6.dmsk, 16, v6.ipv6.invflags & IP6T_INV_DSTIP);
        return true;
    }
    return false;
}

static void take_matches(struct nat_rule *rule, struct sv matches)
{
    struct xt_entry_match match;

    while (matches.n >= sizeof(match)) {
        memcpy(&match, matches.p, sizeof(match));
        if (match.u.user.match_size < sizeof(match) || match.u.user.match_size > matches.n)
            return;
        nat_rule_take_match(rule, (struct sv){ match.u.user.name, sizeof(match.u.user.name) },
                            sv_slice(matches, sizeof(match), match.u.user.match_size));
        matches = sv_slice(matches, match.u.user.match_size, matches.n);
    }
}

void nat_tables_parse(int family, struct sv entries, unsigned protocols, struct ports *out)
{
    for (;;) {
        struct nat_rule rule = { .family = family };
        struct xt_entry_target target;
        struct head head;

        if (!take_head(&rule, entries, &head) || head.target_at < head.size ||
            head.next_at < head.target_at + sizeof(target) || head.next_at > entries.n)
            return;
        take_matches(&rule, sv_slice(entries, head.size, head.target_at));
        memcpy(&target, entries.p + head.target_at, sizeof(target));
        nat_rule_take_target(&rule, (struct sv){ target.u.user.name, sizeof(target.u.user.name) });
        nat_rule_report(&rule, protocols, out);
        entries = sv_slice(entries, head.next_at, entries.n);
    }
}

bool nat_tables_exist(void)
{
    return file_exists(sources[0].names) || file_exists(sources[1].names);
}

static bool has_nat(const struct source *source)
{
    auto_sb struct sb text = { 0 };
    struct sv rest, line;

    if (!file_read_all(source->names, NAMES_SIZE_MAX, &text, NULL))
        return false;
    rest = sb_view(&text);
    while (sv_next_line(&rest, &line))
        if (sv_eq_str(line, "nat"))
            return true;
    return false;
}

/* The table may change between the two questions: EAGAIN then, and there will be another look. */
static bool list_source(const struct source *source, unsigned protocols, struct ports *out,
                        struct err **errp)
{
    struct ipt_getinfo info = { .name = "nat" };
    struct ipt_get_entries *table;
    auto_mem char *bytes = NULL;
    auto_fd int fd = socket(source->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    socklen_t len = sizeof(info);

    if (fd < 0 || getsockopt(fd, source->level, source->get_info, &info, &len) < 0)
        return err_set_os(errp, errno, "cannot ask for a table of iptables");
    if (info.size > TABLE_SIZE_MAX)
        return err_set(errp, ERR_UNSUPPORTED, "a table of iptables is too long");
    len = (socklen_t)(sizeof(*table) + info.size);
    bytes = mem_alloc(len);
    table = (struct ipt_get_entries *)(void *)bytes;
    *table = (struct ipt_get_entries){ .name = "nat", .size = info.size };
    if (getsockopt(fd, source->level, source->get_entries, table, &len) < 0)
        return err_set_os(errp, errno, "cannot read a table of iptables");
    nat_tables_parse(source->family, (struct sv){ bytes + sizeof(*table), info.size }, protocols,
                     out);
    return true;
}

bool nat_tables_list(unsigned protocols, struct ports *out, struct err **errp)
{
    for (size_t i = 0; i < COUNT(sources); i++)
        if (has_nat(&sources[i]) && !list_source(&sources[i], protocols, out, errp))
            return false;
    return true;
}
