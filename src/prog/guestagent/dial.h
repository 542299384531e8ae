/*
 * Connecting without blocking: to the first of some addresses that answers.
 *
 * A dial calls back once, then it is gone; dial_cancel() ends it without. The callback may come
 * before dial_start() returns, so its result is stored by the caller only when it is not NULL.
 */
#ifndef PROG_GUESTAGENT_DIAL_H
#define PROG_GUESTAGENT_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/sv.h"
#include "prog/guestagent/spares.h"

#define DIAL_ADDRESSES_MAX 3
#define DIAL_TIMEOUT_MS    10000

struct dial;

struct dial_address {
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool is_primary; /* the IPv4 address is that from which the guest talks to the world */
};

struct dial_result {
    int take_fd;               /* connected and non-blocking; or -1 */
    int error;                 /* then: why the last address did not answer */
    struct ev_source *watched; /* with which the loop watches it already, as spares are; or NULL */
    size_t n_sent;    /* of the early bytes; if any are, a TCP socket may lack TCP_NODELAY, which it
                         else has */
    int spare_family; /* with which it may be given to the spares when it is over; or 0 */
};

/* The result is borrowed for the call. */
typedef void (*dial_done_fn)(void *arg, const struct dial_result *result);

/* type is SOCK_STREAM or SOCK_DGRAM. early: what is to be sent first, if a TCP connection is there
 * at once; borrowed until the callback. NULL when it is over already. */
struct dial *dial_start(struct spares *spares, const struct dial_address *addresses, size_t n,
                        int type, struct sv early, dial_done_fn on_done, void *arg);
/* The same for a socket whose connect() has begun. */
struct dial *dial_wait(struct evloop *loop, int take_fd, dial_done_fn on_done, void *arg);
void dial_cancel(struct dial *d); /* NULL is fine */

/* From 4 or 16 bytes and a port; from a path of at most 107 bytes. */
struct dial_address dial_address_ip(struct sv address, uint16_t port);
struct dial_address dial_address_unix(struct sv path);
/* The addresses under which the guest reaches a port of its own that was told of with a wildcard
 * address. is_nat: the packet filter redirects it, so an address that is not loopback comes first.
 */
size_t dial_own_addresses(struct sv wildcard, uint16_t port, bool is_nat,
                          struct dial_address out[DIAL_ADDRESSES_MAX]);

#endif
