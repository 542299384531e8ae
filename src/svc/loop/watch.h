/*
 * Calls back while a descriptor is readable: for descriptors that are no streams (signalfd, timerfd,
 * pidfd, inotify). watch_close() may be called from the callback, and on NULL; no callback follows
 * it, the descriptor is closed and the memory goes by itself.
 */
#ifndef SVC_LOOP_WATCH_H
#define SVC_LOOP_WATCH_H

#include "base/err.h"

struct watch;
struct uv_loop_s;

typedef void (*watch_fn)(void *arg);

/* take_fd becomes non-blocking, and is closed on failure too. */
struct watch *watch_open(struct uv_loop_s *loop, int take_fd, watch_fn on_readable, void *arg,
                         struct err **errp);
int watch_fd(const struct watch *watch);
void watch_close(struct watch *watch);

#endif
