/*
 * The listening sockets of this network namespace, from the kernel's sock_diag; where it has none,
 * from /proc/net.
 */
#ifndef PROG_GUESTAGENT_SOCK_DIAG_H
#define PROG_GUESTAGENT_SOCK_DIAG_H

#include "prog/guestagent/ports.h"

/* Adds the listeners of the protocols (GUEST_WATCH_*). What cannot be read is left out. *missing
 * (zero at first) remembers what the kernel has no sock_diag for: to ask again would make it look
 * for a module each time. */
void sock_diag_list(unsigned protocols, unsigned *missing, struct ports *out);

/* The parsers. Pure. */
/* One message of a sock_diag dump. */
void sock_diag_parse(struct sv payload, enum guest_proto proto, struct ports *out);
/* A table of /proc/net: tcp, tcp6, udp or udp6. */
void sock_diag_parse_table(struct sv table, enum guest_proto proto, struct ports *out);

#endif
