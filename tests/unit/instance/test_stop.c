#include "instance/stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/proc.h"

#include "unit_test.h"

/* Stand-ins for the host agent and the machine: scripts of their own with a pid file each. */
struct fixture {
    char *dir;
    struct proc agent, machine;
};

static char *in(const struct fixture *f, const char *name)
{
    return path_join(f->dir, name);
}

static struct proc spawn(const struct fixture *f, const char *pid_name, const char *script)
{
    auto_cmd struct cmd cmd = { .cwd = f->dir };
    auto_mem char *path = in(f, pid_name);
    struct proc proc = PROC_NONE;

    strv_push_list(&cmd.argv, "sh", "-c", script, NULL);
    assert_true(cmd_start(&cmd, &proc, NULL));
    auto_mem char *text = mem_printf("%d\n", (int)proc.pid);

    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL));
    return proc;
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    f->agent = f->machine = PROC_NONE;
    *state = f;
    return dir_make_temp("/tmp/test-stop-", &f->dir, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct proc *procs[] = { &f->agent, &f->machine };
    bool ok = true;

    for (size_t i = 0; i < COUNT(procs); i++) {
        int status;

        if (procs[i]->pid < 0)
            continue;
        (void)proc_signal(procs[i], SIGKILL);
        ok = proc_wait(procs[i], -1, &status, NULL) && ok;
        proc_done(procs[i]);
    }
    ok = dir_remove_tree(f->dir, NULL) && ok;
    free(f->dir);
    free(f);
    return ok ? 0 : -1;
}

static struct stop params(const struct fixture *f)
{
    return (struct stop){ .name = "x", .dir = f->dir, .driver = "null", .driver_pid_name = "null.pid" };
}

#define FOREVER "exec sleep 1000"

static void force_kills_and_cleans(void **state)
{
    struct fixture *f = *state;
    struct stop stop = params(f);
    auto_mem char *sock = in(f, "ha.sock");
    auto_mem char *disk = in(f, "disk");

    f->agent = spawn(f, "ha.pid", FOREVER);
    f->machine = spawn(f, "null.pid", FOREVER);
    assert_true(file_write_atomic(sock, SV(""), 0600, NULL));
    assert_true(file_write_atomic(disk, SV(""), 0600, NULL));

    assert_true(stop_forced(&stop, NULL));
    assert_true(proc_wait_pidfd(f->agent.pidfd, 0));
    assert_true(proc_wait_pidfd(f->machine.pidfd, 0));

    auto_strv struct strv names = { 0 };

    assert_true(dir_list(f->dir, &names, NULL));
    assert_int_equal(names.n, 1);
    assert_string_equal(names.v[0], "disk");
}

static void force_on_a_stopped_instance_succeeds(void **state)
{
    struct fixture *f = *state;
    struct stop stop = params(f);
    auto_mem char *pid = in(f, "ha.pid");

    assert_true(file_write_atomic(pid, SV("999999999\n"), 0600, NULL));
    assert_true(stop_forced(&stop, NULL));
    assert_false(file_exists(pid));
}

static void grace_waits_for_both_processes(void **state)
{
    struct fixture *f = *state;
    struct stop stop = params(f);
    auto_mem char *events = in(f, "ha.stdout.log");

    assert_true(file_write_atomic(events, SV(""), 0600, NULL));
    f->machine = spawn(f, "null.pid", FOREVER);
    auto_mem char *script = mem_printf(
        "sleep 1000 & trap 'kill $!; "
        "echo \"{\\\"time\\\":\\\"2100-01-01T00:00:00Z\\\",\\\"status\\\":{\\\"exiting\\\":true}}\" "
        ">>ha.stdout.log; kill -9 %d; exit 0' INT; echo >ready; wait",
        (int)f->machine.pid);

    f->agent = spawn(f, "ha.pid", script);
    auto_mem char *ready = in(f, "ready");

    while (!file_exists(ready))
        assert_false(proc_wait_pidfd(f->agent.pidfd, 10));
    assert_true(stop_graceful(&stop, NULL));
    assert_true(proc_wait_pidfd(f->agent.pidfd, 0));
    assert_true(proc_wait_pidfd(f->machine.pidfd, 0));
}

static void grace_needs_a_host_agent(void **state)
{
    struct fixture *f = *state;
    struct stop stop = params(f);
    auto_err struct err *err = NULL;

    assert_false(stop_graceful(&stop, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(force_kills_and_cleans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(force_on_a_stopped_instance_succeeds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grace_waits_for_both_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grace_needs_a_host_agent, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
