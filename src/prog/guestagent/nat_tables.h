/*
 * The same as nat_rules.h, from the tables that iptables had before nf_tables ("legacy"), which
 * some distributions and container engines still use. Nobody tells of changes of theirs;
 * port_trigger.h does.
 */
#ifndef PROG_GUESTAGENT_NAT_TABLES_H
#define PROG_GUESTAGENT_NAT_TABLES_H

#include "base/err.h"
#include "prog/guestagent/ports.h"

/* Can there be such tables? To ask for one that does not exist would create it. */
bool nat_tables_exist(void);
/* Adds the redirected ports of the protocols (GUEST_WATCH_*), with GUEST_PORT_NAT. */
bool nat_tables_list(unsigned protocols, struct ports *out, struct err **errp) MUST_USE;

/* The entries of a table of AF_INET or AF_INET6, as the kernel gives them. Pure. */
void nat_tables_parse(int family, struct sv entries, unsigned protocols, struct ports *out);

#endif
