#include "sys/evloop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BATCH     64
#define SLOTS_MIN 64

/* What epoll knows a source by is its descriptor, and how often that number was added or changed:
 * what is told of the file that had it before is nobody's, and what is told of a source before a
 * change is told again after it. */
struct slot {
    struct ev_source *source; /* NULL = none */
    uint32_t n_changes;
};

struct evloop {
    int epoll_fd;
    bool stopped, had_events;
    struct slot *slots; /* by descriptor */
    size_t n_slots;
    struct list timers; /* by due time */
    struct list tasks;
    struct epoll_event batch[BATCH]; /* being dispatched */
};

static int64_t now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct evloop *evloop_new(struct err **errp)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    struct evloop *loop;

    if (fd < 0) {
        (void)err_set_os(errp, errno, "cannot create an epoll instance");
        return NULL;
    }
    loop = mem_new(struct evloop);
    loop->epoll_fd = fd;
    list_init(&loop->timers);
    list_init(&loop->tasks);
    return loop;
}

void evloop_free(struct evloop *loop)
{
    if (!loop)
        return;
    (void)close(loop->epoll_fd);
    free(loop->slots);
    free(loop);
}

static struct slot *slot_of(struct evloop *loop, int fd)
{
    size_t n = loop->n_slots;

    assert(fd >= 0);
    if ((size_t)fd >= n) {
        while ((size_t)fd >= n)
            n = n ? 2 * n : SLOTS_MIN;
        loop->slots = mem_resize(loop->slots, n, sizeof(*loop->slots));
        memset(loop->slots + loop->n_slots, 0, (n - loop->n_slots) * sizeof(*loop->slots));
        loop->n_slots = n;
    }
    return &loop->slots[fd];
}

static int control(struct evloop *loop, int op, int fd, uint32_t events)
{
    uint64_t key = (uint64_t)slot_of(loop, fd)->n_changes << 32 | (uint32_t)fd;
    struct epoll_event event = { .events = events, .data.u64 = key };

    return epoll_ctl(loop->epoll_fd, op, fd, &event);
}

/* NULL: the event comes too late. */
static struct ev_source *source_of(struct evloop *loop, const struct epoll_event *event)
{
    const struct slot *slot = &loop->slots[(uint32_t)event->data.u64];

    return slot->n_changes == event->data.u64 >> 32 ? slot->source : NULL;
}

bool evloop_add(struct evloop *loop, struct ev_source *source, int fd, uint32_t events,
                    ev_source_fn on_ready, struct err **errp)
{
    struct slot *slot = slot_of(loop, fd);

    slot->n_changes++;
    if (control(loop, EPOLL_CTL_ADD, fd, events) < 0) {
        slot->n_changes--;
        source->fd = -1;
        return err_set_os(errp, errno, "cannot watch descriptor %d", fd);
    }
    slot->source = source;
    source->fd = fd;
    source->on_ready = on_ready;
    return true;
}

void evloop_change(struct evloop *loop, struct ev_source *source, uint32_t events)
{
    int rc;

    slot_of(loop, source->fd)->n_changes++;
    rc = control(loop, EPOLL_CTL_MOD, source->fd, events);
    assert(rc == 0); /* it was added and is open */
}

static void forget(struct evloop *loop, struct ev_source *source)
{
    slot_of(loop, source->fd)->source = NULL;
    source->fd = -1;
}

void evloop_remove(struct evloop *loop, struct ev_source *source)
{
    if (source->fd < 0)
        return;
    (void)control(loop, EPOLL_CTL_DEL, source->fd, 0);
    forget(loop, source);
}

void evloop_close(struct evloop *loop, struct ev_source *source)
{
    (void)close(source->fd);
    forget(loop, source);
}

void evloop_move(struct evloop *loop, struct ev_source *from, struct ev_source *to,
                 ev_source_fn on_ready)
{
    to->fd = from->fd;
    to->on_ready = on_ready;
    from->fd = -1;
    slot_of(loop, to->fd)->source = to;
}

void ev_timer_start(struct evloop *loop, struct ev_timer *timer, unsigned after_ms,
                       ev_timer_fn on_due)
{
    struct list *after;

    ev_timer_stop(timer);
    timer->due_ms = now_ms() + after_ms;
    timer->on_due = on_due;
    for (after = loop->timers.prev; after != &loop->timers; after = after->prev)
        if (CONTAINER_OF(after, struct ev_timer, link)->due_ms <= timer->due_ms)
            break;
    list_push_front(after, &timer->link);
}

void ev_timer_stop(struct ev_timer *timer)
{
    list_remove(&timer->link);
}

bool ev_timer_is_running(const struct ev_timer *timer)
{
    return timer->link.next != NULL;
}

void ev_task_queue(struct evloop *loop, struct ev_task *task, ev_task_fn run)
{
    if (task->link.next)
        return;
    task->run = run;
    list_push_back(&loop->tasks, &task->link);
}

void ev_task_cancel(struct ev_task *task)
{
    list_remove(&task->link);
}

static void run_timers(struct evloop *loop)
{
    int64_t now = now_ms();

    while (!list_is_empty(&loop->timers)) {
        struct ev_timer *first = CONTAINER_OF(loop->timers.next, struct ev_timer, link);

        if (first->due_ms > now)
            return;
        list_remove(&first->link);
        first->on_due(first);
    }
}

/* Runs the tasks that are queued now; those queued meanwhile wait for the next round. */
static void run_tasks(struct evloop *loop)
{
    struct list mark;

    if (list_is_empty(&loop->tasks))
        return;
    list_push_back(&loop->tasks, &mark);
    while (loop->tasks.next != &mark) {
        struct ev_task *task = CONTAINER_OF(loop->tasks.next, struct ev_task, link);

        list_remove(&task->link);
        task->run(task);
    }
    list_remove(&mark);
}

static int wait_limit(struct evloop *loop, int wait_ms)
{
    struct ev_timer *first;
    int64_t left;

    if (!list_is_empty(&loop->tasks) || loop->stopped)
        return 0;
    if (list_is_empty(&loop->timers))
        return wait_ms;
    first = CONTAINER_OF(loop->timers.next, struct ev_timer, link);
    left = first->due_ms - now_ms();
    if (left < 0)
        left = 0;
    return wait_ms >= 0 && wait_ms < left ? wait_ms : (int)left;
}

bool evloop_step(struct evloop *loop, int wait_ms, struct err **errp)
{
    int n;

    if (!list_is_empty(&loop->timers))
        run_timers(loop);
    run_tasks(loop);
    n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, wait_limit(loop, wait_ms));
    if (n < 0 && errno != EINTR)
        return err_set_os(errp, errno, "cannot wait for events");
    loop->had_events = n > 0;
    for (int i = 0; i < n; i++) {
        struct ev_source *source = source_of(loop, &loop->batch[i]);

        if (source)
            source->on_ready(source, loop->batch[i].events);
    }
    return true;
}

bool evloop_is_busy(const struct evloop *loop)
{
    return loop->had_events || !list_is_empty(&loop->tasks);
}

bool evloop_run(struct evloop *loop, struct err **errp)
{
    while (!loop->stopped)
        if (!evloop_step(loop, -1, errp))
            return false;
    return true;
}

void evloop_stop(struct evloop *loop)
{
    loop->stopped = true;
}
