/*
 * The control socket: serves the messages of wire/devctl.h to the host agent, by means of the
 * vsock device and the thread that serves files. Several clients may be connected; each has its own
 * ports and streams. A client that breaks the protocol, or does not read, is dropped: that is no
 * reason to end.
 */
#ifndef PROG_DEVICES_CONTROL_H
#define PROG_DEVICES_CONTROL_H

#include "prog/devices/fs_thread.h"
#include "vhost/vsock_dev.h"
#include "wire/devctl.h"

struct control;

/* Takes the listening socket over. The vsock device is set by control_set_vsock() before the loop
 * runs: each needs the other. */
struct control *control_new(struct evloop *loop, int take_fd, enum devctl_sandbox sandbox,
                            struct err **errp) MUST_USE;
void control_set_vsock(struct control *c, struct vsock_dev *vsock);
/* Without it exports are refused with ENODEV. Borrowed. */
void control_set_files(struct control *c, struct fs_thread *files);
/* Free it before the vsock device and the thread. */
void control_free(struct control *c);

/* Events of the vsock device. */
bool control_guest_connects(struct control *c, struct vsock_stream *s);
void control_guest_changed(struct control *c, bool is_up, bool resumed);

#endif
