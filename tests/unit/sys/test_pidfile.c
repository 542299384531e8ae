#include "sys/pidfile.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/proc.h"
#include "temp_dir.h"
#include "unit_test.h"

static void write_pid(const char *path, pid_t pid)
{
    auto_mem char *text = mem_printf("%d\n", (int)pid);

    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
}

/* A process id that just died. */
static pid_t dead_pid(void)
{
    auto_cmd struct cmd cmd = { 0 };
    struct proc proc = PROC_NONE;
    int status;

    strv_push(&cmd.argv, "true");
    assert_true(cmd_start(&cmd, &proc, NULL));
    assert_true(proc_wait(&proc, -1, &status, NULL));
    proc_done(&proc);
    return proc.pid;
}

static void reads_what_lima_writes(void **state)
{
    static const struct {
        const char *text;
        int pid; /* 0: invalid */
    } cases[] = {
        { "123\n", 123 }, { "7", 7 }, { "", 0 }, { "0\n", 0 }, { "-3\n", 0 }, { "12x\n", 0 },
        { "99999999999\n", 0 }, { "2147483648\n", 0 },
    };
    auto_mem char *path = temp_path("read.pid");

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        pid_t pid = 0;

        assert_true(file_write_atomic(path, sv_of(cases[i].text), 0644, NULL));
        check_row(pidfile_read(path, &pid, &err) == (cases[i].pid != 0), cases[i].text);
        check_row(pid == cases[i].pid, cases[i].text);
    }
}

static void tells_absent_stale_and_live(void **state)
{
    auto_mem char *path = temp_path("probe.pid");
    pid_t pid = -1;

    assert_int_equal(pidfile_probe(path, &pid), PIDFILE_NONE);
    assert_int_equal(pid, 0);
    write_pid(path, getpid());
    assert_int_equal(pidfile_probe(path, &pid), PIDFILE_LIVE);
    assert_int_equal(pid, getpid());
    write_pid(path, dead_pid());
    assert_int_equal(pidfile_probe(path, &pid), PIDFILE_STALE);
    assert_int_equal(pid, 0);
}

static void a_process_younger_than_the_file_did_not_write_it(void **state)
{
    auto_mem char *path = temp_path("reused.pid");
    struct timespec past[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

    write_pid(path, getpid());
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    assert_int_equal(pidfile_probe(path, NULL), PIDFILE_STALE);
}

static void a_held_lock_proves_life_whatever_the_age(void **state)
{
    auto_mem char *path = temp_path("held.pid");
    struct timespec past[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    auto_err struct err *err = NULL;
    int fd = -1, second = -1;

    assert_true(pidfile_acquire(path, &fd, NULL));
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    assert_int_equal(pidfile_probe(path, NULL), PIDFILE_LIVE);
    assert_int_equal(pidfile_probe(path, NULL), PIDFILE_LIVE); /* looking takes no lock */
    assert_false(pidfile_acquire(path, &second, &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    pidfile_release(path, fd);
    assert_false(file_exists(path));
}

static void a_stale_file_is_replaced(void **state)
{
    auto_mem char *path = temp_path("stale.pid");
    auto_strv struct strv names = { 0 };
    pid_t pid;
    int fd = -1;

    write_pid(path, dead_pid());
    assert_true(pidfile_acquire(path, &fd, NULL));
    assert_true(pidfile_read(path, &pid, NULL));
    assert_int_equal(pid, getpid());
    assert_true(dir_list(temp_dir, &names, NULL));
    for (size_t i = 0; i < names.n; i++)
        check_row(!str_ends(names.v[i], ".tmp"), names.v[i]);
    pidfile_release(path, fd);
}

static void an_unlocked_file_of_a_live_process_is_respected(void **state)
{
    auto_mem char *path = temp_path("foreign.pid");
    auto_err struct err *err = NULL;
    int fd = -1;

    write_pid(path, getppid());
    assert_false(pidfile_acquire(path, &fd, &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    assert_true(file_exists(path));
}

static void an_announced_process_is_live_until_its_end(void **state)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *path = temp_path("announced.pid");
    struct proc proc = PROC_NONE;
    pid_t pid;
    int status;

    strv_push_list(&cmd.argv, "sleep", "1000", NULL);
    assert_true(cmd_start(&cmd, &proc, NULL));
    assert_true(pidfile_announce(path, proc.pid, NULL));
    assert_int_equal(pidfile_probe(path, &pid), PIDFILE_LIVE);
    assert_int_equal(pid, proc.pid);
    assert_true(proc_signal(&proc, SIGKILL));
    assert_true(proc_wait(&proc, -1, &status, NULL));
    assert_int_equal(pidfile_probe(path, &pid), PIDFILE_STALE);
    proc_done(&proc);
}

static void an_announcement_leaves_the_file_of_the_process_itself(void **state)
{
    auto_mem char *path = temp_path("own.pid");
    pid_t pid;

    write_pid(path, getpid());
    assert_true(pidfile_announce(path, 1, NULL));
    assert_true(pidfile_read(path, &pid, NULL));
    assert_int_equal(pid, getpid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_lima_writes),
        cmocka_unit_test(tells_absent_stale_and_live),
        cmocka_unit_test(a_process_younger_than_the_file_did_not_write_it),
        cmocka_unit_test(a_held_lock_proves_life_whatever_the_age),
        cmocka_unit_test(a_stale_file_is_replaced),
        cmocka_unit_test(an_unlocked_file_of_a_live_process_is_respected),
        cmocka_unit_test(an_announced_process_is_live_until_its_end),
        cmocka_unit_test(an_announcement_leaves_the_file_of_the_process_itself),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
