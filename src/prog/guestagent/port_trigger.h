/*
 * Tells when listeners of the guest may have come or gone: small BPF programs in the kernel that
 * wake us through a ring buffer.
 *
 * TCP: the tracepoint inet_sock_set_state, when a socket enters or leaves the state LISTEN. UDP:
 * kprobes on bind() of datagram sockets, and on the end of sockets whose port is among those that
 * were reported, so that the many short-lived sockets of UDP clients wake nobody. iptables' older
 * tables: a kprobe on their replacement, which can be set once their module is there; modules that
 * come wake us, too. Needs Linux 5.8 with BPF and kprobes, and root.
 */
#ifndef PROG_GUESTAGENT_PORT_TRIGGER_H
#define PROG_GUESTAGENT_PORT_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "prog/guestagent/ports.h"
#include "sys/evloop.h"

struct port_trigger;
typedef void (*port_trigger_fn)(void *arg);

/* Armed, for the protocols (GUEST_WATCH_*), all or nothing. NULL: this kernel cannot, *errp says
 * why. */
struct port_trigger *port_trigger_new(struct evloop *loop, unsigned protocols,
                                      port_trigger_fn on_event, void *arg,
                                      struct err **errp) MUST_USE;
void port_trigger_free(struct port_trigger *t);
/* After an event there is no other one until this was called: what happens meanwhile costs nothing.
 * To be called before looking. */
void port_trigger_arm(struct port_trigger *t);

/* To be called when such tables may exist. */
void port_trigger_watch_tables(struct port_trigger *t);

/* The UDP ports whose end matters. */
void port_trigger_set_ports(struct port_trigger *t, const struct ports *ports);

#endif
