/*
 * Relays: pairs of connected sockets between which bytes are moved until both directions have
 * ended. End 0 is the stream to the host, end 1 the peer in the guest; how ends and resets are told
 * apart on the stream is wire/tunnel.h.
 *
 * A relay belongs to its pool and frees itself; relay_pool_done() resets what is left. What a peer
 * does not take is kept, at most RELAY_CHUNK_MAX bytes per direction and RELAY_CHUNK_MIN once the
 * pool keeps RELAY_KEPT_MAX; then the other side is not read. An idle relay has no buffers.
 */
#ifndef PROG_GUESTAGENT_RELAY_H
#define PROG_GUESTAGENT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/list.h"
#include "base/sv.h"
#include "prog/guestagent/spares.h"

#define RELAY_CHUNK_MIN (8u * 1024)
#define RELAY_CHUNK_MAX (256u * 1024)
#define RELAY_KEPT_MAX  (32u * 1024 * 1024)

/* With which an end is watched: edge-triggered. */
#define RELAY_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

/* A chunked stream is idle again. watched: the source with which the loop watches it for
 * RELAY_EVENTS, and which will tell of what is unread; rest: what it has brought since; both are
 * borrowed for the call. */
typedef void (*relay_idle_fn)(void *arg, int take_stream_fd, struct ev_source *watched,
                              struct sv rest);

struct relay_pool {
    struct evloop *loop; /* borrowed */
    struct list relays;
    size_t n_relays;
    size_t n_wide;         /* of them, with a large buffer for what comes from the host */
    size_t n_kept;         /* bytes that wait for peers */
    char *scratch;         /* where every read goes first */
    struct spares spares;
    relay_idle_fn on_idle; /* set by whoever starts relays with RELAY_CHUNKED */
    void *arg;             /* borrowed */
};

void relay_pool_init(struct relay_pool *pool, struct evloop *loop);
void relay_pool_done(struct relay_pool *pool);

enum relay_flags {
    RELAY_FROM_UNIX = 1u << 0, /* the host's socket is a Unix socket: a close is not a reset */
    RELAY_CHUNKED = 1u << 1,   /* the stream carries chunks; first, too */
};

struct relay_start {
    int take_stream_fd, take_peer_fd; /* non-blocking */
    struct ev_source *watched;        /* with which the loop watches the stream already, for
                                         RELAY_EVENTS, and which will tell of what is unread; or NULL */
    struct ev_source *peer_watched;   /* the same of the peer, which has brought nothing; or NULL */
    int spare_family;                 /* with which the peer may be given to the spares; or 0 */
    struct sv first; /* what the stream has brought before; borrowed for the call */
    size_t n_sent;   /* bytes of it that the peer has: a TCP socket, which has no
                        TCP_NODELAY then, or needs none */
    unsigned flags;  /* enum relay_flags */
};
void relay_start(struct relay_pool *pool, const struct relay_start *how);

/* Closes a socket; a TCP connection is reset. */
void relay_close_with_reset(int take_fd);

#endif
