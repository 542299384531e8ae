/*
 * A small epoll loop, for device threads and the guest agent: descriptors, one-shot timers, and
 * tasks that run before the loop waits. Nothing wakes it when nothing happens. One loop belongs to
 * one thread; nothing here is locked.
 *
 * Sources, timers and tasks are embedded in their owners. They may be removed, and their memory
 * released, inside any callback.
 */
#ifndef SYS_EVLOOP_H
#define SYS_EVLOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct evloop;
struct ev_source;
struct ev_timer;
struct ev_task;

/* events are those of epoll(7). */
typedef void (*ev_source_fn)(struct ev_source *source, uint32_t events);
typedef void (*ev_timer_fn)(struct ev_timer *timer);
typedef void (*ev_task_fn)(struct ev_task *task);

struct ev_source {
    int fd; /* borrowed; -1 when not added */
    ev_source_fn on_ready;
};

struct ev_timer {
    struct list link;
    int64_t due_ms;
    ev_timer_fn on_due;
};

struct ev_task {
    struct list link;
    ev_task_fn run;
};

struct evloop *evloop_new(struct err **errp) MUST_USE;
void evloop_free(struct evloop *loop);
AUTO_DECLARE(struct evloop, evloop);

/* Runs until evloop_stop(). */
bool evloop_run(struct evloop *loop, struct err **errp) MUST_USE;
/* One round: due timers, tasks, and what is ready; waits at most wait_ms (-1 = without end) when
 * there is nothing to do. Tests drive the loop with it. */
bool evloop_step(struct evloop *loop, int wait_ms, struct err **errp) MUST_USE;
/* True when a step would do something, or the last one did: not idle yet. */
bool evloop_is_busy(const struct evloop *loop);
void evloop_stop(struct evloop *loop);

bool evloop_add(struct evloop *loop, struct ev_source *source, int fd, uint32_t events,
                    ev_source_fn on_ready, struct err **errp) MUST_USE;
void evloop_change(struct evloop *loop, struct ev_source *source, uint32_t events);
/* Does nothing when the source is not added. Call it before closing the descriptor. */
void evloop_remove(struct evloop *loop, struct ev_source *source);

/* Closes the descriptor of an added source and removes it, without the system call of its own that
 * evloop_remove() takes. For edge-triggered sources: while another process has the file open, too,
 * a level-triggered one would go on waking the loop. */
void evloop_close(struct evloop *loop, struct ev_source *source);

/* Hands the descriptor of an added source over to another one, for the same events. It costs no
 * system call; what edge-triggered events have told is not told again, unless evloop_change() asks
 * for them. */
void evloop_move(struct evloop *loop, struct ev_source *from, struct ev_source *to,
                 ev_source_fn on_ready);

/* Starts, or moves, a timer. Cheap when all timers of a loop have about the same length. */
void ev_timer_start(struct evloop *loop, struct ev_timer *timer, unsigned after_ms,
                       ev_timer_fn on_due);
void ev_timer_stop(struct ev_timer *timer);
bool ev_timer_is_running(const struct ev_timer *timer);

/* Runs the task once before the next wait. A task that queues itself again lets the loop look at
 * the descriptors in between. */
void ev_task_queue(struct evloop *loop, struct ev_task *task, ev_task_fn run);
void ev_task_cancel(struct ev_task *task);

#endif
