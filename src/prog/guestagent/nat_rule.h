/*
 * What matters of a rule that redirects packets: collected from the expressions of nf_tables or the
 * entries of iptables' older tables, then turned into ports. Inside of nat_rules.c and
 * nat_tables.c.
 */
#ifndef PROG_GUESTAGENT_NAT_RULE_H
#define PROG_GUESTAGENT_NAT_RULE_H

#include <linux/netfilter/xt_multiport.h>

#include "prog/guestagent/ports.h"

enum nat_family { NAT_INET = 1, NAT_IPV4 = 2, NAT_IPV6 = 10 };

struct nat_range {
    uint16_t first, last;
};

struct nat_rule {
    int family;        /* enum nat_family, or another one of the kernel's */
    unsigned protocol; /* 0 = any */
    struct nat_range ranges[XT_MULTI_PORTS];
    size_t n_ranges;
    uint8_t address[16];
    size_t n_address; /* 0 = every address */
    bool is_network;  /* the address is that of a network */
    bool is_dnat;
};

void nat_rule_add_range(struct nat_rule *rule, uint16_t first, uint16_t last);
/* A match or target of iptables; names end with a NUL, what is not known is skipped. */
void nat_rule_take_match(struct nat_rule *rule, struct sv name, struct sv info);
void nat_rule_take_target(struct nat_rule *rule, struct sv name);
/* Adds the redirected ports of the protocols (GUEST_WATCH_*). */
void nat_rule_report(const struct nat_rule *rule, unsigned protocols, struct ports *out);

#endif
