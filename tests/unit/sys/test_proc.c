#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void shell(struct cmd *cmd, const char *script)
{
    strv_push_list(&cmd->argv, "sh", "-c", script, NULL);
}

static void assert_prints(struct cmd *cmd, const char *expected)
{
    auto_cmd_result struct cmd_result res = { 0 };
    auto_err struct err *err = NULL;

    cmd->out = CMD_TO_PIPE(4096);
    if (!cmd_check(cmd, &res, &err))
        fail_msg("%s", err_text(err));
    assert_string_equal(sb_str(&res.out), expected);
}

static void collects_status_and_both_outputs(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(100), .err = CMD_TO_PIPE(100) };
    auto_cmd_result struct cmd_result res = { 0 };

    shell(&cmd, "echo one; echo two >&2; exit 7");
    assert_true(cmd_run(&cmd, &res, NULL));
    assert_int_equal(res.status, 7);
    assert_string_equal(sb_str(&res.out), "one\n");
    assert_string_equal(sb_str(&res.err), "two\n");
}

static void statuses_above_all_signals_are_no_signals(void **state)
{
    auto_err struct err *err = NULL, *other = NULL;

    assert_false(proc_status_check("ssh", 255, SV(""), &err));
    assert_string_equal(err_text(err), "ssh failed with exit status 255");
    assert_false(proc_status_check("ssh", 128 + SIGTERM, SV(""), &other));
    assert_string_equal(err_text(other), "ssh was killed by signal 15");
}

static void a_signal_is_128_and_its_number(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_cmd_result struct cmd_result res = { 0 };

    shell(&cmd, "kill -9 $$");
    assert_true(cmd_run(&cmd, &res, NULL));
    assert_int_equal(res.status, 128 + SIGKILL);
}

static void output_beyond_the_limit_is_dropped_not_blocking(void **state)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_PIPE(5) };
    auto_cmd_result struct cmd_result res = { 0 };

    shell(&cmd, "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done");
    assert_true(cmd_run(&cmd, &res, NULL));
    assert_int_equal(res.status, 0);
    assert_string_equal(sb_str(&res.out), "01234");
}

static void input_text_is_read_to_its_end(void **state)
{
    auto_cmd struct cmd cmd = { .in = CMD_FROM_TEXT(SV("a\nb\n")) };

    strv_push(&cmd.argv, "cat");
    assert_prints(&cmd, "a\nb\n");
}

static void an_unread_input_does_no_harm(void **state)
{
    auto_sb struct sb big = { 0 };
    auto_cmd struct cmd cmd = { 0 };

    for (int i = 0; i < 20000; i++)
        sb_puts(&big, "0123456789");
    cmd.in = CMD_FROM_TEXT(sb_view(&big));
    strv_push_list(&cmd.argv, "echo", "done", NULL);
    assert_prints(&cmd, "done\n");
}

static void stderr_can_join_stdout(void **state)
{
    auto_cmd struct cmd cmd = { .err = CMD_TO_OUT };

    shell(&cmd, "echo one; echo two >&2");
    assert_prints(&cmd, "one\ntwo\n");
}

static void environment_is_added_replaced_and_removed(void **state)
{
    auto_cmd struct cmd cmd = { 0 };

    assert_int_equal(setenv("CMD_TEST_KEEP", "k", 1), 0);
    assert_int_equal(setenv("CMD_TEST_DROP", "d", 1), 0);
    assert_int_equal(setenv("CMD_TEST_SET", "old", 1), 0);
    strv_push_list(&cmd.env, "CMD_TEST_SET=new", "CMD_TEST_ADD=a b", NULL);
    strv_push(&cmd.env_remove, "CMD_TEST_DROP");
    shell(&cmd, "echo $CMD_TEST_KEEP,$CMD_TEST_DROP,$CMD_TEST_SET,$CMD_TEST_ADD");
    assert_prints(&cmd, "k,,new,a b\n");
}

static void a_cleared_environment_has_only_what_is_given(void **state)
{
    auto_cmd struct cmd cmd = { .flags = CMD_CLEAR_ENV };

    strv_push(&cmd.env, "ONLY=1");
    strv_push(&cmd.argv, "env");
    assert_prints(&cmd, "ONLY=1\n");
}

static void runs_in_the_given_directory(void **state)
{
    auto_cmd struct cmd cmd = { .cwd = "/" };
    auto_cmd struct cmd bad = { .cwd = "/nonexistent" };
    auto_err struct err *err = NULL;

    strv_push(&cmd.argv, "pwd");
    assert_prints(&cmd, "/\n");
    strv_push(&bad.argv, "pwd");
    assert_false(cmd_check(&bad, NULL, &err));
    assert_non_null(strstr(err_text(err), "/nonexistent"));
}

static void only_named_descriptors_arrive(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_fd int leaky = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    auto_fd int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
    auto_fd int b = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    /* Targets that collide with the sources, crosswise. */
    cmd_pass_fd(&cmd, a, b);
    cmd_pass_fd(&cmd, b, a);
    cmd_pass_fd(&cmd, b, 60);
    shell(&cmd, "cd /proc/self/fd && for f in *; do t=$(readlink $f); case $t in "
                "/dev/null|/dev/zero) [ $f -lt 3 ] || echo $t;; esac; done | sort");
    assert_true(leaky >= 0);
    assert_prints(&cmd, "/dev/null\n/dev/zero\n/dev/zero\n");
}

static void a_missing_program_is_an_error_not_a_status(void **state)
{
    static const char *const programs[] = { "no-such-program-here", "/no/such/program" };

    for (size_t i = 0; i < COUNT(programs); i++) {
        auto_cmd struct cmd cmd = { 0 };
        auto_err struct err *err = NULL;

        strv_push(&cmd.argv, programs[i]);
        check_row(!cmd_check(&cmd, NULL, &err), programs[i]);
        assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    }
}

static void a_file_that_cannot_be_executed_reports_the_reason(void **state)
{
    auto_mem char *path = temp_path("data");
    auto_cmd struct cmd cmd = { 0 };
    auto_err struct err *err = NULL;

    assert_true(file_write_atomic(path, SV("data"), 0600, NULL));
    strv_push(&cmd.argv, path);
    assert_false(cmd_check(&cmd, NULL, &err));
    assert_int_equal(err_kind(err), ERR_OS);
    assert_int_equal(err_errno(err), EACCES);
}

static void check_reports_the_tail_of_stderr(void **state)
{
    auto_cmd struct cmd cmd = { .err = CMD_TO_PIPE(4096) };
    auto_err struct err *err = NULL;

    shell(&cmd, "echo first >&2; echo second >&2; exit 3");
    assert_false(cmd_check(&cmd, NULL, &err));
    assert_int_equal(err_kind(err), ERR_CHILD);
    assert_int_equal(err_child_status(err), 3);
    assert_string_equal(err_text(err), "sh failed with exit status 3: first; second");
}

static void the_deadline_kills_the_whole_group(void **state)
{
    auto_cmd struct cmd cmd = { .flags = CMD_OWN_GROUP, .deadline_ms = 100 };
    auto_cmd_result struct cmd_result res = { 0 };
    auto_err struct err *err = NULL;
    int held[2];
    char byte;

    assert_int_equal(pipe2(held, O_CLOEXEC), 0);
    cmd_pass_fd(&cmd, held[1], 3);
    shell(&cmd, "sleep 1000 & sleep 1000");
    assert_false(cmd_run(&cmd, &res, &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
    assert_int_equal(close(held[1]), 0);
    assert_int_equal(read(held[0], &byte, 1), 0); /* nobody is left who holds the other end */
    assert_int_equal(close(held[0]), 0);
}

static void a_descendant_holding_the_pipe_is_not_waited_for(void **state)
{
    auto_cmd struct cmd cmd = { .flags = CMD_OWN_GROUP, .out = CMD_TO_PIPE(100) };
    auto_cmd_result struct cmd_result res = { 0 };
    uint32_t pid;

    shell(&cmd, "sleep 1000 & echo $!");
    assert_true(cmd_run(&cmd, &res, NULL));
    assert_int_equal(sscanf(sb_str(&res.out), "%u", &pid), 1);
    assert_true(proc_is_alive((pid_t)pid));
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static void a_started_child_can_be_signalled_and_reaped(void **state)
{
    auto_cmd struct cmd cmd = { .out = { .kind = CMD_STREAM_PIPE } };
    struct proc proc = PROC_NONE;
    auto_err struct err *err = NULL;
    char buf[16] = "";
    int status;

    shell(&cmd, "echo up; exec sleep 1000");
    assert_true(cmd_start(&cmd, &proc, NULL));
    assert_int_equal(read(proc.out_fd, buf, sizeof(buf)), 3);
    assert_false(proc_wait(&proc, 0, &status, &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
    assert_true(proc_signal(&proc, SIGTERM));
    assert_true(proc_wait(&proc, -1, &status, NULL));
    assert_int_equal(status, 128 + SIGTERM);
    assert_false(proc_is_alive(proc.pid));
    proc_done(&proc);
}

/* What we were started with ignored, also signals of the C library's own: sigaction() hides those.
 */
static uint64_t ignored_signals(void)
{
    auto_sb struct sb status = { 0 };
    const char *line;

    assert_true(file_read_all("/proc/self/status", 65536, &status, NULL));
    line = strstr(sb_str(&status), "SigIgn:\t");
    assert_non_null(line);
    return strtoull(line + strlen("SigIgn:\t"), NULL, 16);
}

static void handlers_and_mask_are_reset_in_the_child(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *expected = NULL;
    sigset_t set, before;

    (void)signal(SIGPIPE, SIG_DFL);
    expected = mem_printf("SigBlk:\t%016x\nSigIgn:\t%016" PRIx64 "\n", 0, ignored_signals());
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    strv_push_list(&cmd.argv, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL);
    assert_prints(&cmd, expected);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
}

static void a_pidfd_tells_the_end_of_a_foreign_process(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    struct proc proc = PROC_NONE;
    auto_fd int pidfd = -1;
    int status;

    strv_push_list(&cmd.argv, "sleep", "1000", NULL);
    assert_true(cmd_start(&cmd, &proc, NULL));
    assert_true(proc_open(proc.pid, &pidfd, NULL));
    assert_false(proc_wait_pidfd(pidfd, 0));
    assert_true(proc_signal(&proc, SIGKILL));
    assert_true(proc_wait_pidfd(pidfd, -1));
    assert_true(proc_wait(&proc, -1, &status, NULL));
    proc_done(&proc);
}

static void exec_reports_failure(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_err struct err *err = NULL;

    strv_push(&cmd.argv, "/no/such/program");
    assert_false(cmd_exec(&cmd, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collects_status_and_both_outputs),
        cmocka_unit_test(statuses_above_all_signals_are_no_signals),
        cmocka_unit_test(a_signal_is_128_and_its_number),
        cmocka_unit_test(output_beyond_the_limit_is_dropped_not_blocking),
        cmocka_unit_test(input_text_is_read_to_its_end),
        cmocka_unit_test(an_unread_input_does_no_harm),
        cmocka_unit_test(stderr_can_join_stdout),
        cmocka_unit_test(environment_is_added_replaced_and_removed),
        cmocka_unit_test(a_cleared_environment_has_only_what_is_given),
        cmocka_unit_test(runs_in_the_given_directory),
        cmocka_unit_test(only_named_descriptors_arrive),
        cmocka_unit_test(a_missing_program_is_an_error_not_a_status),
        cmocka_unit_test(a_file_that_cannot_be_executed_reports_the_reason),
        cmocka_unit_test(check_reports_the_tail_of_stderr),
        cmocka_unit_test(the_deadline_kills_the_whole_group),
        cmocka_unit_test(a_descendant_holding_the_pipe_is_not_waited_for),
        cmocka_unit_test(a_started_child_can_be_signalled_and_reaped),
        cmocka_unit_test(handlers_and_mask_are_reset_in_the_child),
        cmocka_unit_test(a_pidfd_tells_the_end_of_a_foreign_process),
        cmocka_unit_test(exec_reports_failure),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
