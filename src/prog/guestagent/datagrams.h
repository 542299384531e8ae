/*
 * One UDP session's stream to the host: datagrams with their lengths (wire/tunnel.h) in both
 * directions. Memory is bounded: what the host does not take in time is dropped, as UDP may.
 *
 * The owner embeds it; datagrams_done() closes the descriptor. Callbacks may call datagrams_done()
 * and free the owner; they are not called after it.
 */
#ifndef PROG_GUESTAGENT_DATAGRAMS_H
#define PROG_GUESTAGENT_DATAGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sb.h"
#include "sys/evloop.h"

struct datagrams;

struct datagrams_events {
    void (*on_datagram)(struct datagrams *d, struct sv datagram);
    void (*on_end)(struct datagrams *d); /* the host has ended the session */
};

struct datagrams {
    struct evloop *loop; /* borrowed; NULL before init and after done */
    struct ev_source source;
    const struct datagrams_events *events; /* borrowed */
    int fd;
    struct sb in, out;
    bool waits_for_room; /* is told when the stream can be written */
    struct ev_task first, flush;
    bool *is_gone; /* set by done, where a callback may free the owner */
};

/* Watches a connected, non-blocking stream; first has come of it already. False: it cannot be
 * watched, and the descriptor is closed. No callback comes before the loop runs. */
bool datagrams_init(struct datagrams *d, struct evloop *loop, int take_fd, struct sv first,
                    const struct datagrams_events *events);
void datagrams_done(struct datagrams *d);

/* Sends one, together with those that follow in the same round of the loop, or drops it while too
 * much waits. */
void datagrams_send(struct datagrams *d, struct sv datagram);

#endif
