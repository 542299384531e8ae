/*
 * Which instance has an address of the host: asks the host agents of all other instances what they
 * forward (GET /v1/ports), one after the other, each with a deadline. Their answers are foreign
 * bytes.
 *
 * on_done comes once for each port_owners_ask(), unless the object is closed before.
 */
#ifndef PROG_HOSTAGENT_PORT_OWNERS_H
#define PROG_HOSTAGENT_PORT_OWNERS_H

#include "model/forward/rules.h"

struct port_owners;
struct uv_loop_s;

/* home is $LIMA_HOME, name that of the instance that asks; both are copied. */
struct port_owners *port_owners_open(struct uv_loop_s *loop, const char *home, const char *name,
                                     void (*on_done)(void *arg), void *arg);
void port_owners_close(struct port_owners *o);

/* Asks everybody anew; does nothing while it is being done. */
void port_owners_ask(struct port_owners *o);
/* Name of the instance that listens there, as of the last answers; NULL = none. Borrowed until the
 * next question. */
const char *port_owners_find(const struct port_owners *o, enum forward_proto proto,
                             const struct forward_end *host);

/* Do both mean the same socket, or does one address include the other? Pure. */
bool port_owners_collide(const char *proto, const char *host_addr, enum forward_proto with_proto,
                         const struct forward_end *with);

#endif
