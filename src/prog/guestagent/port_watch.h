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

/* frames are PORTS messages, borrowed for the call. */
typedef void (*port_watch_fn)(void *arg, const struct sb *frames);

/* Watches nothing yet. */
struct port_watch *port_watch_new(struct evloop *loop, port_watch_fn on_changed, void *arg);
void port_watch_free(struct port_watch *w);

/* Begins anew: tells all listeners of the protocols (GUEST_WATCH_*) now and then what changes. 0
 * ends it. */
void port_watch_set(struct port_watch *w, unsigned protocols);
/* Is it a port of this guest that is redirected, as far as is known? */
bool port_watch_has_nat(const struct port_watch *w, enum guest_proto proto, uint16_t port);

#endif
