#include "svc/loop/timer.h"

#include <unistd.h>

#include "base/mem.h"
#include "loop_test.h"
#include "svc/loop/watch.h"

struct counter {
    struct timer *timer;
    struct watch *watch;
    unsigned due;
    bool close;
};

static void counted(void *arg)
{
    struct counter *c = arg;

    c->due++;
    if (c->close)
        timer_close(c->timer);
}

static void a_timer_is_due_once(void **state)
{
    struct counter c = { 0 };

    c.timer = timer_open(&test_loop, counted, &c);
    assert_false(timer_is_set(c.timer));
    timer_set(c.timer, 0);
    assert_true(timer_is_set(c.timer));
    run_until(c.due > 0);
    assert_false(timer_is_set(c.timer));
    (void)uv_run(&test_loop, UV_RUN_NOWAIT);
    assert_int_equal(c.due, 1);
    timer_close(c.timer);
}

static void a_stopped_timer_keeps_quiet(void **state)
{
    struct counter c = { 0 };

    c.timer = timer_open(&test_loop, counted, &c);
    timer_set(c.timer, 0);
    timer_stop(c.timer);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(c.due, 0);
    timer_close(c.timer);
    timer_close(NULL);
}

static void a_timer_may_close_itself(void **state)
{
    struct counter c = { .close = true };

    c.timer = timer_open(&test_loop, counted, &c);
    timer_set(c.timer, 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(c.due, 1);
}

static void became_readable(void *arg)
{
    struct counter *c = arg;
    char byte;

    assert_int_equal(read(watch_fd(c->watch), &byte, 1), 1);
    c->due++;
    if (c->close)
        watch_close(c->watch);
}

static void a_watch_reports_each_arrival(void **state)
{
    struct counter c = { 0 };
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    c.watch = watch_open(&test_loop, fds[0], became_readable, &c, NULL);
    assert_int_equal(write(fds[1], "a", 1), 1);
    run_until(c.due == 1);
    assert_int_equal(write(fds[1], "b", 1), 1);
    run_until(c.due == 2);
    c.close = true;
    assert_int_equal(write(fds[1], "c", 1), 1);
    run_until(c.due == 3);
    assert_int_equal(close(fds[1]), 0);
}

static void a_closed_descriptor_cannot_be_watched(void **state)
{
    auto_err struct err *err = NULL;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(close(fds[0]), 0);
    assert_null(watch_open(&test_loop, fds[0], became_readable, NULL, &err));
    assert_int_equal(err_kind(err), ERR_OS);
    assert_int_equal(close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(a_timer_is_due_once),
        loop_test(a_stopped_timer_keeps_quiet),
        loop_test(a_timer_may_close_itself),
        loop_test(a_watch_reports_each_arrival),
        loop_test(a_closed_descriptor_cannot_be_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
