/*
 * The sockets of forwards on the host: non-blocking, close-on-exec.
 */
#ifndef PROG_HOSTAGENT_FORWARD_SOCKET_H
#define PROG_HOSTAGENT_FORWARD_SOCKET_H

#include <sys/socket.h>

#include "base/err.h"
#include "model/forward/rules.h"

/* Listens (UDP: binds). A socket file left behind is replaced, directories above it are made
 * (0750). ERR_BUSY: taken; ERR_OS with EACCES: forbidden; ERR_OS with EADDRNOTAVAIL: not an address
 * of this host. */
bool forward_socket_listen(enum forward_proto proto, const struct forward_end *end, int *out_fd,
                           struct err **errp) MUST_USE;
/* Makes the directories above the path of a socket. */
bool forward_socket_make_dir(const char *path, struct err **errp) MUST_USE;
/* Begins to connect; when the socket is writable, forward_socket_finish() tells how it went. */
bool forward_socket_dial(enum forward_proto proto, const struct forward_end *end, int *out_fd,
                         struct err **errp) MUST_USE;
bool forward_socket_finish(int fd, struct err **errp) MUST_USE;

/* "127.0.0.1:49152", "unix"; owned. */
char *forward_socket_peer(const struct sockaddr_storage *address);

/* What one command would let this user listen on the port; NULL when nothing of that kind helps.
 * unprivileged_start: of the sysctl. Owned. */
char *forward_socket_permit(uint16_t port, unsigned unprivileged_start);
/* The sysctl net.ipv4.ip_unprivileged_port_start; 1024 where there is none. */
unsigned forward_socket_unprivileged_start(void);

#endif
