/*
 * The way back to whoever asked: a Unix socket of the user who called sudo.
 */
#ifndef PROG_PRIVILEGED_HANDOVER_H
#define PROG_PRIVILEGED_HANDOVER_H

#include <sys/types.h>

#include "wire/privileged.h"

struct caller {
    uid_t uid;
    gid_t gid;
};

/* Connects to the socket of the request, as root, but by no path that the caller could not use. Its
 * directory belongs to the caller and is closed to others, and whoever listens there is the caller;
 * else ERR_INVALID. */
bool handover_connect(const struct privileged_request *request, const struct caller *caller,
                      int *out_fd, struct err **errp) MUST_USE;
bool handover_send(int socket_fd, const struct privileged_request *request, int fd,
                   struct err **errp) MUST_USE;

#endif
