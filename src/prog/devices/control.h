/*
 * The control socket: serves the messages of wire/devctl.h to the host agent, by means of the
 * vsock device. Several clients may be connected; each has its own ports and streams. A client that
 * breaks the protocol, or does not read, is dropped: that is no reason to end.
 */
#ifndef PROG_DEVICES_CONTROL_H
#define PROG_DEVICES_CONTROL_H

#include "vhost/vsock_dev.h"
#include "wire/devctl.h"

struct control;

/* Takes the listening socket over. The vsock device is set by control_set_vsock() before the loop
 * runs: each needs the other. */
struct control *control_new(struct evloop *loop, int take_fd, enum devctl_sandbox sandbox,
                            struct err **errp) MUST_USE;
void control_set_vsock(struct control *c, struct vsock_dev *vsock);
/* Frees before the vsock device. */
void control_free(struct control *c);

/* Events of the vsock device. */
bool control_guest_connects(struct control *c, struct vsock_stream *s);
void control_guest_changed(struct control *c, bool is_up, bool resumed);

#endif
