/*
 * Sockets: Unix and TCP, blocking unless said otherwise, always close-on-exec.
 *
 * A Unix socket path longer than the system allows is ERR_INVALID; a path nobody listens on is
 * ERR_NOT_FOUND.
 */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

/* Longest path of a Unix socket, without the terminator. */
#define SOCK_PATH_MAX 107

/* type is SOCK_STREAM or SOCK_SEQPACKET. A socket left by a dead process is replaced, one that
 * answers is ERR_BUSY. The file gets mode 0600. */
bool sock_unix_listen(const char *path, int type, int *out_fd, struct err **errp) MUST_USE;
bool sock_unix_connect(const char *path, int type, int *out_fd, struct err **errp) MUST_USE;
bool sock_accept(int listen_fd, int *out_fd, struct err **errp) MUST_USE;
bool sock_pair(int type, int out_fds[2], struct err **errp) MUST_USE;
/* Who is at the other end of a Unix socket; out_pid may be NULL. */
bool sock_peer(int fd, uid_t *out_uid, pid_t *out_pid, struct err **errp) MUST_USE;

#define SOCK_FDS_MAX 16
/* One message with descriptors; fds are borrowed. The bytes must not be empty. */
bool sock_send_fds(int fd, const void *bytes, size_t n_bytes, const int *fds, size_t n_fds,
                   struct err **errp) MUST_USE;
/* What a stream takes of the bytes at once, with a descriptor at the first of them: their number, or
 * -1 with errno (EAGAIN: nothing now). fd is borrowed. */
ssize_t sock_send_fd_part(int stream_fd, const void *bytes, size_t n_bytes, int fd);
/* One message (or what a stream has). *out_bytes is 0 when the peer closed. The caller owns
 * *out_n_fds descriptors in fds; a message that carries more than max_fds, or is longer than size,
 * is ERR_PROTOCOL and none is left open. */
bool sock_recv_fds(int fd, void *bytes, size_t size, size_t *out_bytes, int *fds, size_t max_fds,
                   size_t *out_n_fds, struct err **errp) MUST_USE;

/* Listens on ip (literal, v4 or v6); port 0 lets the system choose. out_port may be NULL. A taken
 * port is ERR_BUSY, a forbidden one ERR_OS with EACCES. */
bool sock_tcp_listen(const char *ip, uint16_t port, int *out_fd, uint16_t *out_port,
                     struct err **errp) MUST_USE;
/* A port on 127.0.0.1 that was free a moment ago, for programs that bind themselves. */
bool sock_tcp_free_port(uint16_t *out_port, struct err **errp) MUST_USE;
/* Small writes go out at once (TCP_NODELAY). Other sockets than TCP refuse, and need it not. */
void sock_tcp_no_delay(int fd);
bool sock_tcp_is_free(const char *ip, uint16_t port);
bool sock_tcp_connect(const char *ip, uint16_t port, int timeout_ms, int *out_fd,
                      struct err **errp) MUST_USE;

#endif
