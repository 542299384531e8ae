/*
 * The guest's side of port forwards, as one object for the daemon: the tunnel's listener, reverse
 * forwards, the watch for listeners of the guest, and the addresses that reverse forwards take.
 *
 * The tunnel listens as soon as the guest has vsock. What the host asked for over a link ends with
 * that link; connections go on.
 */
#ifndef PROG_GUESTAGENT_FORWARDS_H
#define PROG_GUESTAGENT_FORWARDS_H

#include "prog/guestagent/link.h"
#include "sys/evloop.h"
#include "wire/guest.h"

struct forwards;

/* loop and link are borrowed. */
struct forwards *forwards_new(struct evloop *loop, struct link *link);
void forwards_free(struct forwards *f);

/* The link has come up; the host will say what it wants. */
void forwards_begin(struct forwards *f);
/* The link is gone. */
void forwards_end(struct forwards *f);
/* WATCH_PORTS, LISTEN and UNLISTEN; other messages are left alone. */
void forwards_take_message(struct forwards *f, const struct guest_msg *msg);

#endif
