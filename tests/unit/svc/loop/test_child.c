#include "svc/loop/child.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_test.h"

struct owner {
    struct child *child;
    struct strv lines;
    unsigned exits;
    int status;
    bool timed_out;
    char *out, *err;
    bool close_on_line;
};

static void child_exited(void *arg, const struct child_exit *exit)
{
    struct owner *owner = arg;

    owner->exits++;
    owner->status = exit->status;
    owner->timed_out = exit->timed_out;
    mem_replace(&owner->out, sv_dup(exit->out));
    mem_replace(&owner->err, sv_dup(exit->err));
    child_close(owner->child);
}

static void line_arrived(void *arg, struct sv line)
{
    struct owner *owner = arg;

    strv_push_sv(&owner->lines, line);
    if (owner->close_on_line)
        child_close(owner->child);
}

static const struct child_events capture_events = { .on_exit = child_exited };
static const struct child_events line_events = { .on_exit = child_exited, .on_line = line_arrived };

static void owner_done(struct owner *owner)
{
    strv_done(&owner->lines);
    free(owner->out);
    free(owner->err);
}

static void owner_start(struct owner *owner, struct cmd *cmd, const struct child_events *events,
                        const char *script)
{
    strv_push_list(&cmd->argv, "sh", "-c", script, NULL);
    owner->child = child_open(&test_loop, cmd, events, owner, NULL);
    assert_non_null(owner->child);
}

static void reports_status_and_output(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(100), .err = CMD_TO_PIPE(100) };
    struct owner owner = { 0 };

    owner_start(&owner, &cmd, &capture_events, "echo one; echo two >&2; exit 5");
    run_until(owner.exits);
    assert_int_equal(owner.status, 5);
    assert_string_equal(owner.out, "one\n");
    assert_string_equal(owner.err, "two\n");
    assert_false(owner.timed_out);
    owner_done(&owner);
}

static void output_is_cut_at_its_limit(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(4) };
    struct owner owner = { 0 };

    owner_start(&owner, &cmd, &capture_events, "echo 12345678; echo 9");
    run_until(owner.exits);
    assert_string_equal(owner.out, "1234");
    owner_done(&owner);
}

static void lines_come_one_by_one(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(5) };
    struct owner owner = { 0 };
    auto_mem char *joined = NULL;

    owner_start(&owner, &cmd, &line_events, "printf 'a\\n\\nbb\\r\\n1234567\\nlast'");
    run_until(owner.exits);
    joined = strv_join(&owner.lines, "|");
    assert_string_equal(joined, "a||bb|12345|last");
    owner_done(&owner);
}

static void the_owner_may_close_at_a_line(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(100), .flags = CMD_OWN_GROUP };
    struct owner owner = { .close_on_line = true };

    owner_start(&owner, &cmd, &line_events, "echo a; echo b; sleep 1000");
    run_until(owner.lines.n);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT); /* returns once it is reaped */
    assert_int_equal(owner.lines.n, 1);
    assert_int_equal(owner.exits, 0);
    owner_done(&owner);
}

static void closing_kills_the_group(void **state)
{
    auto_cmd struct cmd cmd = { .flags = CMD_OWN_GROUP };
    struct owner owner = { 0 };
    int held[2];
    char byte;

    assert_int_equal(pipe2(held, O_CLOEXEC), 0);
    cmd_pass_fd(&cmd, held[1], 3);
    owner_start(&owner, &cmd, &capture_events, "sleep 1000 & sleep 1000");
    assert_int_equal(close(held[1]), 0);
    child_close(owner.child);
    assert_int_equal(read(held[0], &byte, 1), 0); /* nobody is left who holds the other end */
    assert_int_equal(close(held[0]), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(owner.exits, 0);
    owner_done(&owner);
}

static void the_deadline_ends_it(void **state)
{
    auto_cmd struct cmd cmd = { .deadline_ms = 50 };
    struct owner owner = { 0 };
    auto_err struct err *err = NULL;

    strv_push_list(&cmd.argv, "sleep", "1000", NULL);
    owner.child = child_open(&test_loop, &cmd, &capture_events, &owner, NULL);
    run_until(owner.exits);
    assert_true(owner.timed_out);
    assert_false(child_exit_check(&(struct child_exit){ .timed_out = true }, "sleep", &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
    owner_done(&owner);
}

static void a_signal_reaches_it(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    struct owner owner = { 0 };

    strv_push_list(&cmd.argv, "sleep", "1000", NULL);
    owner.child = child_open(&test_loop, &cmd, &capture_events, &owner, NULL);
    assert_true(child_pid(owner.child) > 0);
    child_signal(owner.child, SIGTERM);
    run_until(owner.exits);
    assert_int_equal(owner.status, 128 + SIGTERM);
    owner_done(&owner);
}

static void a_missing_program_leaves_nothing(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(100) };
    auto_err struct err *err = NULL;

    strv_push(&cmd.argv, "no-such-program-here");
    assert_null(child_open(&test_loop, &cmd, &capture_events, NULL, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

static void a_bad_exit_becomes_an_error_with_its_last_words(void **state)
{
    struct child_exit exit = { .status = 3, .err = SV("first\nno such \033 host\n") };
    auto_err struct err *err = NULL;

    assert_false(child_exit_check(&exit, "ssh", &err));
    assert_int_equal(err_child_status(err), 3);
    assert_string_equal(err_text(err),
                        "ssh failed with exit status 3: first; no such \\x1b host");
    assert_true(child_exit_check(&(struct child_exit){ 0 }, "ssh", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(reports_status_and_output),
        loop_test(output_is_cut_at_its_limit),
        loop_test(lines_come_one_by_one),
        loop_test(the_owner_may_close_at_a_line),
        loop_test(closing_kills_the_group),
        loop_test(the_deadline_ends_it),
        loop_test(a_signal_reaches_it),
        loop_test(a_missing_program_leaves_nothing),
        loop_test(a_bad_exit_becomes_an_error_with_its_last_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
