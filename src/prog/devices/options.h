/*
 * Command line of `devices`, as the driver writes it:
 *
 *     devices --control-fd N --vsock-fd N [--fs-fd N] [--debug]
 *
 *     --control-fd N   listening SOCK_SEQPACKET Unix socket, already bound to DIR/devices.sock
 *     --vsock-fd N     AF_UNIX stream socket, one half of a socketpair; QEMU has the other half as
 *                      -chardev socket,id=ID,fd=M -device vhost-user-vsock-pci,chardev=ID
 *     --fs-fd N        the same for -device vhost-user-fs-pci,chardev=ID
 *     --debug          log more
 *
 * All other descriptors but 0, 1 and 2 are closed at the start, so passing too many does no harm.
 * The guest's CID is 3. Nothing needs to be waited for: QEMU blocks in realize until `devices`
 * answers, a client that connects early waits in the socket's backlog. The driver starts `devices`
 * in a session of its own; it ends with status 0 when QEMU has closed its sockets, with 1 and a
 * line on stderr when it cannot start, and never because the host agent went away.
 */
#ifndef PROG_DEVICES_OPTIONS_H
#define PROG_DEVICES_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"

struct options {
    int control_fd, vsock_fd;
    int fs_fd; /* -1 = none */
    bool debug;
};

bool options_parse(char *const *args, struct options *out, struct err **errp) MUST_USE;

#endif
