#include "instance/follow.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/dir.h"
#include "sys/host.h"

#include "unit_test.h"

/* A deadline that a loaded machine does not reach. */
#define LATER (host_monotonic_ns() + 60ULL * 1000000000ULL)

struct fixture {
    char *dir;
    int events_fd, lines_fd;
};

static int open_log(const struct fixture *f, const char *name)
{
    auto_mem char *path = mem_printf("%s/%s", f->dir, name);

    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    if (!dir_make_temp("/tmp/test-follow-", &f->dir, NULL))
        return -1;
    f->events_fd = open_log(f, "ha.stdout.log");
    f->lines_fd = open_log(f, "ha.stderr.log");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bool ok = dir_remove_tree(f->dir, NULL);

    (void)close(f->events_fd);
    (void)close(f->lines_fd);
    free(f->dir);
    free(f);
    return ok ? 0 : -1;
}

static void put(int fd, const char *line)
{
    assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
}

#define OLD "{\"time\":\"2020-01-01T00:00:00Z\",\"status\":{\"exiting\":true}}\n"
#define PORT "{\"time\":\"2030-01-01T00:00:00Z\",\"status\":{\"sshLocalPort\":7}}\n"
#define RUNNING "{\"time\":\"2030-01-01T00:00:00Z\",\"status\":{\"running\":true}}\n"
#define BEGIN 1700000000000000000LL

static void events_since_the_beginning_are_handed_out_in_order(void **state)
{
    struct fixture *f = *state;
    auto_follow struct follow *follow = follow_new(f->dir, BEGIN, NULL);
    struct event e;

    put(f->events_fd, OLD PORT "\n" RUNNING);
    assert_int_equal(follow_next(follow, LATER, -1, &e, NULL), FOLLOW_EVENT);
    assert_int_equal(e.ssh_port, 7);
    event_done(&e);
    assert_int_equal(follow_next(follow, LATER, -1, &e, NULL), FOLLOW_EVENT);
    assert_true(e.running);
    event_done(&e);
    assert_int_equal(follow_next(follow, 0, -1, &e, NULL), FOLLOW_TIMEOUT);
}

static void what_was_written_before_the_end_comes_before_it(void **state)
{
    struct fixture *f = *state;
    auto_follow struct follow *follow = follow_new(f->dir, BEGIN, NULL);
    auto_fd int wake_fd = eventfd(1, EFD_CLOEXEC);
    struct event e;

    put(f->events_fd, RUNNING);
    assert_int_equal(follow_next(follow, LATER, wake_fd, &e, NULL), FOLLOW_EVENT);
    event_done(&e);
    assert_int_equal(follow_next(follow, LATER, wake_fd, &e, NULL), FOLLOW_WOKEN);
}

static void log_lines_are_repeated_with_a_prefix(void **state)
{
    struct fixture *f = *state;
    auto_follow struct follow *follow = follow_new(f->dir, BEGIN, NULL);
    auto_fd int ours = open_log(f, "ours.log");
    auto_mem char *path = mem_printf("%s/ours.log", f->dir);
    char text[512] = "";
    struct event e;

    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    log_set_fd(ours);
    put(f->lines_fd, "{\"level\":\"info\",\"msg\":\"old\",\"time\":\"2020-01-01T00:00:00Z\"}\n"
                     "{\"level\":\"fatal\",\"msg\":\"new\",\"time\":\"2030-01-01T00:00:00Z\"}\n");
    assert_int_equal(follow_next(follow, 0, -1, &e, NULL), FOLLOW_TIMEOUT);
    log_set_fd(STDERR_FILENO);

    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    assert_null(strstr(text, "old"));
    assert_non_null(strstr(text, "{\"level\":\"error\",\"msg\":\"[hostagent] new\""));
}

static void a_line_that_is_no_event_fails(void **state)
{
    struct fixture *f = *state;
    auto_follow struct follow *follow = follow_new(f->dir, BEGIN, NULL);
    auto_err struct err *err = NULL;
    struct event e;

    put(f->events_fd, "The instance runs in the foreground\n");
    assert_int_equal(follow_next(follow, LATER, -1, &e, &err), FOLLOW_FAILED);
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_since_the_beginning_are_handed_out_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_before_the_end_comes_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(log_lines_are_repeated_with_a_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_event_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
