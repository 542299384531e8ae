/*
 * A rule is a list of expressions. Those that load a field of the packet into a register and those
 * that compare a register are followed, enough to know protocol, destination port and destination
 * address; "match" and "target" carry structures of iptables (nat_rule.h). What is not understood
 * narrows the rule in ways that do not matter here (interfaces, sources), except comparisons of an
 * address with a network.
 */
#include "prog/guestagent/nat_rules.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
/* after sys/socket.h, whose types it uses */
#include <linux/netlink.h>

#include "prog/guestagent/nat_rule.h"
#include "prog/guestagent/netlink.h"

enum { REGISTERS = 24 /* NFT_REG_1 to NFT_REG32_15 */ };

enum field { FIELD_NONE, FIELD_PROTOCOL, FIELD_PORT, FIELD_ADDRESS, FIELD_PART_OF_ADDRESS };

struct rule {
    struct nat_rule nat;
    enum field registers[REGISTERS];
};

static uint32_t be32(struct sv value)
{
    uint32_t number = 0;

    if (value.n == sizeof(number))
        memcpy(&number, value.p, sizeof(number));
    return ntohl(number);
}

static uint16_t be16(struct sv value)
{
    uint16_t number;

    memcpy(&number, value.p, sizeof(number));
    return ntohs(number);
}

/* The values of attributes 1 to n-1 of an expression; empty where it has none. */
static void read_attrs(struct sv attrs, struct sv *out, size_t n)
{
    struct sv value;
    uint16_t type;

    memset(out, 0, n * sizeof(*out));
    while (netlink_attr_next(&attrs, &type, &value))
        if (type < n)
            out[type] = value;
}

/* Constants are wrapped in NFTA_DATA_VALUE. */
static struct sv constant(struct sv attr)
{
    struct sv values[NFTA_DATA_MAX + 1];

    read_attrs(attr, values, COUNT(values));
    return values[NFTA_DATA_VALUE];
}

static enum field *reg(struct rule *rule, struct sv number)
{
    static enum field nowhere;
    uint32_t i = be32(number);

    return i < REGISTERS ? &rule->registers[i] : &nowhere;
}

static void take_payload(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_PAYLOAD_MAX + 1];
    uint32_t base, offset, len;
    bool is_v6 = rule->nat.family == NAT_IPV6;
    enum field field = FIELD_NONE;

    read_attrs(data, attrs, COUNT(attrs));
    base = be32(attrs[NFTA_PAYLOAD_BASE]);
    offset = be32(attrs[NFTA_PAYLOAD_OFFSET]);
    len = be32(attrs[NFTA_PAYLOAD_LEN]);
    if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && len == 2)
        field = FIELD_PORT;
    else if (base == NFT_PAYLOAD_NETWORK_HEADER && offset == (is_v6 ? 6 : 9) && len == 1)
        field = FIELD_PROTOCOL;
    else if (base == NFT_PAYLOAD_NETWORK_HEADER && offset == 16 && len <= 4 && !is_v6)
        field = len == 4 ? FIELD_ADDRESS : FIELD_PART_OF_ADDRESS;
    else if (base == NFT_PAYLOAD_NETWORK_HEADER && offset == 24 && len <= 16)
        field = len == 16 ? FIELD_ADDRESS : FIELD_PART_OF_ADDRESS;
    *reg(rule, attrs[NFTA_PAYLOAD_DREG]) = field;
}

static void take_meta(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_META_MAX + 1];

    read_attrs(data, attrs, COUNT(attrs));
    if (attrs[NFTA_META_DREG].n > 0)
        *reg(rule, attrs[NFTA_META_DREG]) =
            be32(attrs[NFTA_META_KEY]) == NFT_META_L4PROTO ? FIELD_PROTOCOL : FIELD_NONE;
}

static void take_bitwise(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_BITWISE_MAX + 1];
    enum field from;

    read_attrs(data, attrs, COUNT(attrs));
    from = *reg(rule, attrs[NFTA_BITWISE_SREG]);
    *reg(rule, attrs[NFTA_BITWISE_DREG]) =
        from == FIELD_ADDRESS || from == FIELD_PART_OF_ADDRESS ? FIELD_PART_OF_ADDRESS : FIELD_NONE;
}

static void compare_port(struct rule *rule, uint32_t op, uint16_t port)
{
    struct nat_range *last =
        rule->nat.n_ranges > 0 ? &rule->nat.ranges[rule->nat.n_ranges - 1] : NULL;

    if (op == NFT_CMP_EQ)
        nat_rule_add_range(&rule->nat, port, port);
    else if (op == NFT_CMP_GTE)
        nat_rule_add_range(&rule->nat, port, UINT16_MAX);
    else if (op == NFT_CMP_LTE && last && last->last == UINT16_MAX && last->first <= port)
        last->last = port;
}

static void take_compare(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_CMP_MAX + 1], value;
    uint32_t op;

    read_attrs(data, attrs, COUNT(attrs));
    op = be32(attrs[NFTA_CMP_OP]);
    value = constant(attrs[NFTA_CMP_DATA]);
    switch (*reg(rule, attrs[NFTA_CMP_SREG])) {
    case FIELD_PORT:
        if (value.n == 2)
            compare_port(rule, op, be16(value));
        return;
    case FIELD_PROTOCOL:
        if (value.n == 1 && op == NFT_CMP_EQ)
            rule->nat.protocol = (uint8_t)value.p[0];
        return;
    case FIELD_ADDRESS:
        if ((value.n == 4 || value.n == 16) && op == NFT_CMP_EQ) {
            rule->nat.n_address = value.n;
            memcpy(rule->nat.address, value.p, value.n);
        }
        return;
    case FIELD_PART_OF_ADDRESS:
        rule->nat.is_network = rule->nat.is_network || op == NFT_CMP_EQ;
        return;
    case FIELD_NONE:
        return;
    }
}

static void take_range(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_RANGE_MAX + 1], from, to;

    read_attrs(data, attrs, COUNT(attrs));
    from = constant(attrs[NFTA_RANGE_FROM_DATA]);
    to = constant(attrs[NFTA_RANGE_TO_DATA]);
    if (*reg(rule, attrs[NFTA_RANGE_SREG]) == FIELD_PORT && from.n == 2 && to.n == 2 &&
        be32(attrs[NFTA_RANGE_OP]) == NFT_RANGE_EQ)
        nat_rule_add_range(&rule->nat, be16(from), be16(to));
}

static void take_nat(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_NAT_MAX + 1];

    read_attrs(data, attrs, COUNT(attrs));
    if (attrs[NFTA_NAT_TYPE].n != 4 || be32(attrs[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
        return;
    rule->nat.is_dnat = true;
    if (rule->nat.family == NAT_INET && attrs[NFTA_NAT_FAMILY].n > 0)
        rule->nat.family = (int)be32(attrs[NFTA_NAT_FAMILY]);
}

static void take_match(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_MATCH_MAX + 1];

    read_attrs(data, attrs, COUNT(attrs));
    nat_rule_take_match(&rule->nat, attrs[NFTA_MATCH_NAME], attrs[NFTA_MATCH_INFO]);
}

static void take_target(struct rule *rule, struct sv data)
{
    struct sv attrs[NFTA_TARGET_MAX + 1];

    read_attrs(data, attrs, COUNT(attrs));
    nat_rule_take_target(&rule->nat, attrs[NFTA_TARGET_NAME]);
}

static void take_expression(struct rule *rule, struct sv expression)
{
    static const struct {
        const char *name;
        void (*take)(struct rule *rule, struct sv data);
    } kinds[] = {
        { "payload", take_payload }, { "meta", take_meta },     { "bitwise", take_bitwise },
        { "cmp", take_compare },     { "range", take_range },   { "nat", take_nat },
        { "match", take_match },     { "target", take_target },
    };
    struct sv attrs[NFTA_EXPR_MAX + 1];

    read_attrs(expression, attrs, COUNT(attrs));
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (attrs[NFTA_EXPR_NAME].n == strlen(kinds[i].name) + 1 &&
            memcmp(attrs[NFTA_EXPR_NAME].p, kinds[i].name, attrs[NFTA_EXPR_NAME].n) == 0)
            kinds[i].take(rule, attrs[NFTA_EXPR_DATA]);
}

void nat_rules_parse(struct sv payload, unsigned protocols, struct ports *out)
{
    struct rule rule = { 0 };
    struct sv attrs[NFTA_RULE_MAX + 1], element;
    struct nfgenmsg head;
    uint16_t type;

    if (payload.n < sizeof(head))
        return;
    memcpy(&head, payload.p, sizeof(head));
    rule.nat.family = head.nfgen_family;
    read_attrs(sv_slice(payload, sizeof(head), payload.n), attrs, COUNT(attrs));
    while (netlink_attr_next(&attrs[NFTA_RULE_EXPRESSIONS], &type, &element))
        take_expression(&rule, element);
    nat_rule_report(&rule.nat, protocols, out);
}

struct dump {
    unsigned protocols;
    struct ports *out; /* borrowed */
};

static void take_rule(void *arg, uint16_t type, struct sv payload)
{
    const struct dump *dump = arg;

    if (type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
        nat_rules_parse(payload, dump->protocols, dump->out);
}

bool nat_rules_list(unsigned protocols, struct ports *out, struct err **errp)
{
    struct nfgenmsg every = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
    struct dump dump = { protocols, out };
    auto_fd int fd = -1;

    return netlink_open(NETLINK_NETFILTER, 0, &fd, errp) &&
           netlink_ask(fd, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
                       (struct sv){ (char *)&every, sizeof(every) }, take_rule, &dump, errp);
}

bool nat_rules_watch(int *out_fd, struct err **errp)
{
    return netlink_open(NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1), out_fd, errp);
}

void nat_rules_drain(int watch_fd)
{
    char bytes[8192];

    while (recv(watch_fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
           errno == EINTR)
        ;
}
