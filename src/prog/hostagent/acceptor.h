/*
 * A listening socket on the loop. Accepted sockets are non-blocking and close-on-exec. When the
 * process, or the system, has no descriptor left it pauses for a moment.
 *
 * acceptor_close() may be called from the callback, and on NULL; no callback follows it, the socket
 * is closed at once and the memory goes by itself.
 */
#ifndef PROG_HOSTAGENT_ACCEPTOR_H
#define PROG_HOSTAGENT_ACCEPTOR_H

#include <sys/socket.h>

#include "base/err.h"

struct acceptor;
struct uv_loop_s;

typedef void (*acceptor_fn)(void *arg, int take_fd, const struct sockaddr_storage *peer);

/* take_fd is closed on failure too. */
struct acceptor *acceptor_open(struct uv_loop_s *loop, int take_fd, acceptor_fn on_accepted,
                               void *arg, struct err **errp);
void acceptor_close(struct acceptor *a);

#endif
