#include "prog/guestagent/nat_rule.h"

#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>
#include <string.h>

#include "prog/guestagent/nat_rules.h"

void nat_rule_add_range(struct nat_rule *rule, uint16_t first, uint16_t last)
{
    if (rule->n_ranges < COUNT(rule->ranges) && first <= last)
        rule->ranges[rule->n_ranges++] = (struct nat_range){ first, last };
}

/* Every port is no range: such a rule says nothing of ports. */
static void take_ports(struct nat_rule *rule, const uint16_t ports[2], bool is_inverted)
{
    if (!is_inverted && (ports[0] > 0 || ports[1] < UINT16_MAX))
        nat_rule_add_range(rule, ports[0], ports[1]);
}

/* Structures of iptables have the byte order of the machine. */
void nat_rule_take_match(struct nat_rule *rule, struct sv name, struct sv info)
{
    name = sv_slice(name, 0, strnlen(name.n > 0 ? name.p : "", name.n));
    if (sv_eq_str(name, "tcp") && info.n >= sizeof(struct xt_tcp)) {
        struct xt_tcp tcp;

        memcpy(&tcp, info.p, sizeof(tcp));
        rule->protocol = IPPROTO_TCP;
        take_ports(rule, tcp.dpts, tcp.invflags & XT_TCP_INV_DSTPT);
    } else if (sv_eq_str(name, "udp") && info.n >= sizeof(struct xt_udp)) {
        struct xt_udp udp;

        memcpy(&udp, info.p, sizeof(udp));
        rule->protocol = IPPROTO_UDP;
        take_ports(rule, udp.dpts, udp.invflags & XT_UDP_INV_DSTPT);
    } else if (sv_eq_str(name, "multiport") && info.n >= sizeof(struct xt_multiport_v1)) {
        struct xt_multiport_v1 ports;

        memcpy(&ports, info.p, sizeof(ports));
        if (ports.invert || ports.flags == XT_MULTIPORT_SOURCE || ports.count > XT_MULTI_PORTS)
            return;
        for (unsigned i = 0; i < ports.count; i++) {
            bool is_range = ports.pflags[i] && i + 1 < ports.count;

            nat_rule_add_range(rule, ports.ports[i], ports.ports[i + is_range]);
            i += is_range;
        }
    }
}

void nat_rule_take_target(struct nat_rule *rule, struct sv name)
{
    if (sv_starts(name, (struct sv){ "DNAT", sizeof("DNAT") }))
        rule->is_dnat = true;
}

static void add_ports(const struct nat_rule *rule, enum guest_proto proto, struct ports *out)
{
    static const uint8_t every[16];
    size_t n = rule->n_address ? rule->n_address : rule->family == NAT_IPV6 ? 16 : 4;

    for (size_t i = 0; i < rule->n_ranges; i++) {
        const struct nat_range *range = &rule->ranges[i];

        if (range->last - range->first >= NAT_RANGE_MAX)
            continue;
        for (uint32_t port = range->first; port <= range->last; port++)
            ports_add(out, proto, GUEST_PORT_NAT, rule->n_address ? rule->address : every, n,
                      (uint16_t)port);
    }
}

void nat_rule_report(const struct nat_rule *rule, unsigned protocols, struct ports *out)
{
    if (!rule->is_dnat || rule->is_network)
        return;
    if ((protocols & GUEST_WATCH_TCP) && rule->protocol == IPPROTO_TCP)
        add_ports(rule, GUEST_TCP, out);
    if ((protocols & GUEST_WATCH_UDP) && rule->protocol == IPPROTO_UDP)
        add_ports(rule, GUEST_UDP, out);
}
