/*
 * Lists of listeners, and what changed between two of them.
 */
#ifndef PROG_GUESTAGENT_PORTS_H
#define PROG_GUESTAGENT_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sb.h"
#include "base/vec.h"
#include "wire/guest.h"

#define PORTS_MAX 20000 /* more are left out */

struct ports {
    VEC(struct guest_port) list;
};

/* IPv4 addresses mapped into IPv6 become IPv4. address has 4 or 16 bytes; port 0 is left out. */
void ports_add(struct ports *p, enum guest_proto proto, unsigned flags, const void *address,
               size_t n_address, uint16_t port);
/* Sorts and drops duplicates; a socket is kept rather than a redirection. To be done before the
 * functions below. */
void ports_settle(struct ports *p);
/* A redirection of this port of any address? */
bool ports_has_nat(const struct ports *p, enum guest_proto proto, uint16_t port);
/* Appends PORTS messages with what came and went from before to now, none when nothing did.
 * is_reset: before does not count, and there is one message at least. */
void ports_put_changes(const struct ports *before, const struct ports *now, bool is_reset,
                       struct sb *out);
void ports_done(struct ports *p);

#endif
