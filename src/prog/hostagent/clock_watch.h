/*
 * Tells when this host's clock jumped: it was set, or the host woke up from sleep. Costs nothing
 * until then: the kernel cancels a timer far in the future (TFD_TIMER_CANCEL_ON_SET), resuming
 * included.
 */
#ifndef PROG_HOSTAGENT_CLOCK_WATCH_H
#define PROG_HOSTAGENT_CLOCK_WATCH_H

#include "base/err.h"

struct clock_watch;
struct uv_loop_s;

typedef void (*clock_watch_fn)(void *arg);

struct clock_watch *clock_watch_open(struct uv_loop_s *loop, clock_watch_fn on_jump, void *arg,
                                     struct err **errp);
/* NULL is allowed; no callback follows. */
void clock_watch_close(struct clock_watch *c);

#endif
