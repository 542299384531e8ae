#include "svc/loop/timer.h"

#include <uv.h>

#include "base/mem.h"

struct timer {
    uv_timer_t handle;
    timer_fn on_due;
    void *arg;
};

static void handle_due(uv_timer_t *handle)
{
    struct timer *timer = handle->data;

    timer->on_due(timer->arg);
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct timer *timer_open(struct uv_loop_s *loop, timer_fn on_due, void *arg)
{
    struct timer *timer = mem_new(struct timer);

    timer->on_due = on_due;
    timer->arg = arg;
    (void)uv_timer_init(loop, &timer->handle);
    timer->handle.data = timer;
    return timer;
}

void timer_set(struct timer *timer, uint64_t ms)
{
    uv_update_time(timer->handle.loop); /* "now" is when the loop last woke up */
    (void)uv_timer_start(&timer->handle, handle_due, ms, 0);
}

void timer_stop(struct timer *timer)
{
    (void)uv_timer_stop(&timer->handle);
}

bool timer_is_set(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle) != 0;
}

void timer_close(struct timer *timer)
{
    if (timer && !uv_is_closing((uv_handle_t *)&timer->handle))
        uv_close((uv_handle_t *)&timer->handle, handle_closed);
}
