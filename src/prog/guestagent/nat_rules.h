/*
 * Ports that the guest's packet filter redirects to other addresses (DNAT), as container engines
 * publish them: read from nf_tables, where iptables of today keeps its rules as well.
 *
 * Only rules with one destination port, or a range, count; a rule for addresses that are a whole
 * network (a service network, say) does not.
 */
#ifndef PROG_GUESTAGENT_NAT_RULES_H
#define PROG_GUESTAGENT_NAT_RULES_H

#include "base/err.h"
#include "prog/guestagent/ports.h"

#define NAT_RANGE_MAX 4096 /* ports of one rule; of longer ranges nothing is said */

/* Adds the redirected ports of the protocols (GUEST_WATCH_*), with GUEST_PORT_NAT. A kernel without
 * nf_tables has none. */
bool nat_rules_list(unsigned protocols, struct ports *out, struct err **errp) MUST_USE;
/* A descriptor that becomes readable when rules change. */
bool nat_rules_watch(int *out_fd, struct err **errp) MUST_USE;
/* Reads what it has; the content does not matter. */
void nat_rules_drain(int watch_fd);

/* One NFT_MSG_NEWRULE of a dump. Pure. */
void nat_rules_parse(struct sv payload, unsigned protocols, struct ports *out);

#endif
