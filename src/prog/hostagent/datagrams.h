/*
 * Datagrams over a stream to the guest (wire/tunnel.h).
 *
 * on_end comes once, when the guest ended its direction; the owner then closes, at once or after a
 * last datagram.
 * datagrams_close() may be called from every callback and on NULL; no callback follows.
 */
#ifndef PROG_HOSTAGENT_DATAGRAMS_H
#define PROG_HOSTAGENT_DATAGRAMS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

struct datagrams;
struct uv_loop_s;

struct datagrams_events {
    void (*on_datagram)(void *arg, struct sv datagram);
    void (*on_end)(void *arg);
};

/* take_fd is closed on failure too; events are borrowed for the life of the object. */
struct datagrams *datagrams_open(struct uv_loop_s *loop, int take_fd,
                                 const struct datagrams_events *events, void *arg,
                                 struct err **errp);
/* Bytes that go ahead of the first datagram. */
void datagrams_send_preface(struct datagrams *d, struct sv preface);
/* Dropped, as datagrams are, when the guest does not keep up. */
void datagrams_send(struct datagrams *d, struct sv datagram);
/* Has everything that was sent left? */
bool datagrams_are_sent(const struct datagrams *d);
void datagrams_close(struct datagrams *d);

#endif
