/*
 * A loop for tests of things that live on one: run until something has happened, and check that
 * nothing is left at the end, neither a handle nor a descriptor.
 */
#ifndef TESTS_LOOP_TEST_H
#define TESTS_LOOP_TEST_H

#include <dirent.h>
#include <signal.h>
#include <uv.h>

#include "unit_test.h"

static uv_loop_t test_loop;
static size_t test_fds_before;

static inline size_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static inline int loop_setup(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    /* The first loop of a process opens descriptors that stay. */
    if (uv_loop_init(&test_loop) != 0 || uv_loop_close(&test_loop) != 0)
        return -1;
    test_fds_before = count_fds();
    return uv_loop_init(&test_loop);
}

/* Everything the test opened must be closed by now: the loop runs empty. */
static inline int loop_teardown(void **state)
{
    (void)state;
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&test_loop) != 0)
        return -1;
    return count_fds() == test_fds_before ? 0 : -1;
}

/* Runs the loop until the condition holds. A test that hangs is ended by the test runner. */
#define run_until(condition)                          \
    do {                                              \
        while (!(condition))                          \
            (void)uv_run(&test_loop, UV_RUN_ONCE);    \
    } while (0)

#define loop_test(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)

#endif
