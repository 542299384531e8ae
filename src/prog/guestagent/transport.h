/*
 * Ways to the host agent, best first: vsock, a virtio-serial port, a Unix socket that the host
 * forwards by ssh. Descriptors are non-blocking.
 */
#ifndef PROG_GUESTAGENT_TRANSPORT_H
#define PROG_GUESTAGENT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Begins to connect to the host's vsock port; *out_fd becomes writable when that is decided, then
 * transport_finish() tells. ERR_UNSUPPORTED: the kernel has no vsock; ERR_NOT_FOUND: there is no
 * vsock device, now. */
bool transport_vsock(uint32_t port, int *out_fd, struct err **errp) MUST_USE;
bool transport_finish(int fd, struct err **errp) MUST_USE;

/* The same at once, blocking, from a port below peer_port_end. */
bool transport_vsock_as_root(uint32_t port, uint32_t peer_port_end, int *out_fd,
                             struct err **errp) MUST_USE;

/* Listens on a vsock port of the guest. */
bool transport_vsock_listen(uint32_t port, int *out_fd, struct err **errp) MUST_USE;

/* Opens a virtio-serial port by name. ERR_NOT_FOUND: the host offers none. ERR_BUSY: somebody has
 * it. */
bool transport_virtio(const char *name, int *out_fd, struct err **errp) MUST_USE;

/* Listens on a Unix socket that only owner and root can use; owner (uid_t)-1 = root. */
bool transport_unix(const char *path, uid_t owner, int *out_fd, struct err **errp) MUST_USE;

#endif
