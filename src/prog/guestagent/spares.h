/*
 * TCP sockets whose connections have ended and which serve the next ones. To make and to destroy a
 * socket, and to have it watched, takes a tenth of the work that a short connection is.
 *
 * Only sockets that connected, with an address that the system chose; to an address of another
 * family mapped into IPv6 never. A few of each family are kept for good.
 */
#ifndef PROG_GUESTAGENT_SPARES_H
#define PROG_GUESTAGENT_SPARES_H

#include <stdbool.h>

#include "sys/evloop.h"

#define SPARES_MAX 4

enum { SPARES_V4, SPARES_V6, SPARES_FAMILIES };

struct spares {
    struct evloop *loop;                               /* borrowed */
    struct ev_source all[SPARES_FAMILIES][SPARES_MAX]; /* the fd is owned; -1: none */
};

void spares_init(struct spares *spares, struct evloop *loop);
void spares_done(struct spares *spares);

/* family: AF_INET or AF_INET6.
 *
 * Takes the socket of a source, with what it is watched for; both directions of its connection have
 * been ended. False: it stays the caller's, because there are enough, or because it may still have
 * to bring its last bytes to the other side. */
bool spares_give(struct spares *spares, struct ev_source *source, int family);

/* Makes *source that of a socket that is not connected. It is watched as it was before; what is
 * told in the same round may still be of its old connection. False: there is none. */
bool spares_take(struct spares *spares, int family, struct ev_source *source,
                 ev_source_fn on_ready);

#endif
