/*
 * A small epoll loop for device threads: descriptors, one-shot timers, and tasks that run before
 * the loop waits. Nothing wakes it when nothing happens. One loop belongs to one thread; nothing
 * here is locked.
 *
 * Sources, timers and tasks are embedded in their owners. They may be removed, and their memory
 * released, inside any callback.
 */
#ifndef VHOST_LOOP_H
#define VHOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct vhost_loop;
struct vhost_source;
struct vhost_timer;
struct vhost_task;

/* events are those of epoll(7). */
typedef void (*vhost_source_fn)(struct vhost_source *source, uint32_t events);
typedef void (*vhost_timer_fn)(struct vhost_timer *timer);
typedef void (*vhost_task_fn)(struct vhost_task *task);

struct vhost_source {
    int fd; /* borrowed; -1 when not added */
    vhost_source_fn on_ready;
};

struct vhost_timer {
    struct list link;
    int64_t due_ms;
    vhost_timer_fn on_due;
};

struct vhost_task {
    struct list link;
    vhost_task_fn run;
};

struct vhost_loop *vhost_loop_new(struct err **errp) MUST_USE;
void vhost_loop_free(struct vhost_loop *loop);
AUTO_DECLARE(struct vhost_loop, vhost_loop);

/* Runs until vhost_loop_stop(). */
bool vhost_loop_run(struct vhost_loop *loop, struct err **errp) MUST_USE;
/* One round: due timers, tasks, and what is ready; waits at most wait_ms (-1 = without end) when
 * there is nothing to do. Tests drive the loop with it. */
bool vhost_loop_step(struct vhost_loop *loop, int wait_ms, struct err **errp) MUST_USE;
/* True when a step would do something, or the last one did: not idle yet. */
bool vhost_loop_is_busy(const struct vhost_loop *loop);
void vhost_loop_stop(struct vhost_loop *loop);

bool vhost_loop_add(struct vhost_loop *loop, struct vhost_source *source, int fd, uint32_t events,
                    vhost_source_fn on_ready, struct err **errp) MUST_USE;
void vhost_loop_change(struct vhost_loop *loop, struct vhost_source *source, uint32_t events);
/* Does nothing when the source is not added. Call it before closing the descriptor. */
void vhost_loop_remove(struct vhost_loop *loop, struct vhost_source *source);

/* Starts, or moves, a timer. Cheap when all timers of a loop have about the same length. */
void vhost_timer_start(struct vhost_loop *loop, struct vhost_timer *timer, unsigned after_ms,
                       vhost_timer_fn on_due);
void vhost_timer_stop(struct vhost_timer *timer);
bool vhost_timer_is_running(const struct vhost_timer *timer);

/* Runs the task once before the next wait. A task that queues itself again lets the loop look at
 * the descriptors in between. */
void vhost_task_queue(struct vhost_loop *loop, struct vhost_task *task, vhost_task_fn run);
void vhost_task_cancel(struct vhost_task *task);

#endif
