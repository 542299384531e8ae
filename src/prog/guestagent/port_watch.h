/*
 * Watches for listeners of the guest: sockets (sock_diag.h) and ports that its packet filter
 * redirects (nat_rules.h), and tells what changed. The kernel says when to look (port_trigger.h),
 * so nothing runs when nothing happens; where it cannot, the watch looks at growing intervals.
 */
#ifndef PROG_GUESTAGENT_PORT_WATCH_H
#define PROG_GUESTAGENT_PORT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"
#include "sys/evloop.h"
#include "wire/guest.h"

struct port_watch;

struct port_watch_events {
    /* frames are PORTS messages, borrowed for the call. */
    void (*on_changed)(void *arg, const struct sb *frames);
    /* A listener that is the agent's own: nothing is told of it. May be NULL. */
    bool (*is_own)(void *arg, const struct guest_port *port);
};

/* Watches nothing yet. events are borrowed. */
struct port_watch *port_watch_new(struct evloop *loop, const struct port_watch_events *events,
                                  void *arg);
void port_watch_free(struct port_watch *w);

/* Begins anew: tells all listeners of the protocols (GUEST_WATCH_*) now and then what changes. 0
 * ends it. */
void port_watch_set(struct port_watch *w, unsigned protocols);
/* Is it a port of this guest that is redirected, as far as is known? */
bool port_watch_has_nat(const struct port_watch *w, enum guest_proto proto, uint16_t port);

#endif
