/*
 * Forwards into the guest: takes streams of the host on a vsock port, dials what their preface
 * names, and relays (wire/tunnel.h). Peers other than the host are refused.
 *
 * Each stream costs two descriptors; when they run out, accepting pauses until some are free, and
 * the streams wait in the listener's queue.
 */
#ifndef PROG_GUESTAGENT_TUNNEL_H
#define PROG_GUESTAGENT_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "prog/guestagent/relay.h"
#include "wire/tunnel.h"

struct tunnel;

struct tunnel_events {
    /* Is the port of the guest one that its packet filter redirects? May be NULL. */
    bool (*is_nat)(void *arg, enum tunnel_kind kind, uint16_t port);
};

/* pool and events are borrowed. Listens on nothing yet. */
struct tunnel *tunnel_new(struct relay_pool *pool, const struct tunnel_events *events, void *arg);
/* Connections end with a reset. */
void tunnel_free(struct tunnel *t);

/* Accepts on a listening socket from now on; a vsock one accepts the host alone. */
bool tunnel_listen(struct tunnel *t, int take_listen_fd, struct err **errp) MUST_USE;
bool tunnel_is_listening(const struct tunnel *t);
/* A stream that somebody else accepted. */
void tunnel_take(struct tunnel *t, int take_fd);

#endif
