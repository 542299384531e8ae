/*
 * What every driver must do, run for each of them: the contract drawn in driver/driver.h. A driver
 * joins with a row in "subjects": how its machines are made to misbehave.
 */
#include <fcntl.h>
#include <unistd.h>

#include "driver/hot_disk.h"
#include "driver_fixture.h"

enum behaviour { NORMAL, REFUSE, CRASH_EARLY, CRASH_LATE, DEAF, BEHAVIOUR_COUNT };

struct subject {
    const char *name;
    void (*behave)(struct fixture *f, enum behaviour behaviour);
};

/* --- The drivers --- */

static void null_behave(struct fixture *f, enum behaviour behaviour)
{
    static const char *const fail_at[BEHAVIOUR_COUNT] = { NULL, "start", "boot", "run", "stop" };

    if (fail_at[behaviour])
        set_option(f, "failAt", fail_at[behaviour]);
}

static void qemu_behave(struct fixture *f, enum behaviour behaviour)
{
    static const char *const modes[BEHAVIOUR_COUNT] = { "", "", "refuse", "crash", "deaf" };

    assert_int_equal(setenv("FAKE_QEMU", modes[behaviour], 1), 0);
    if (behaviour != REFUSE) /* without a disk nothing starts */
        put_qemu_files(f);
}

static const struct subject subjects[] = {
    { "null", null_behave },
    { "qemu", qemu_behave },
};

static void set_up(struct fixture *f, const struct subject *subject, enum behaviour behaviour)
{
    fixture_init(f, subject->name);
    subject->behave(f, behaviour);
    if (behaviour == DEAF)
        f->stop_deadline_ms = 100; /* it passes */
    open_driver(f);
}

/* --- The contract --- */

static void start_and_stop(const struct subject *subject)
{
    struct fixture f;
    pid_t pid;

    set_up(&f, subject, NORMAL);
    assert_int_equal(driver_get_state(f.d), DRIVER_IDLE);
    assert_int_equal(driver_get_pid(f.d), 0);
    start(&f);
    run_until(&f, &f.n_started);
    assert_int_equal(probe_pid_file(&f, &pid), PIDFILE_LIVE);
    assert_int_equal(driver_get_pid(f.d), pid);
    assert_true(driver_stop(f.d, NULL));
    assert_int_equal(driver_get_state(f.d), DRIVER_STOPPING);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    assert_int_equal(f.n_started, 1);
    assert_true(driver_stop(f.d, NULL));
    driver_kill(f.d);
    assert_no_traces(&f);
    tear_down(&f);
}

static void kill_ends_it(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, NORMAL);
    start(&f);
    run_until(&f, &f.n_started);
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

static void failed_start_changes_nothing(const struct subject *subject)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    set_up(&f, subject, REFUSE);
    assert_false(driver_start(f.d, &err));
    assert_true(*err_text(err) != '\0');
    assert_int_equal(driver_get_state(f.d), DRIVER_IDLE);
    assert_int_equal(driver_get_pid(f.d), 0);
    assert_no_traces(&f);
    tear_down(&f);
}

static void crash_before_the_start_is_one_exit(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, CRASH_EARLY);
    start(&f);
    assert_exit(&f, DRIVER_EXIT_FAILED);
    assert_int_equal(f.n_started, 0);
    tear_down(&f);
}

static void crash_while_running_is_a_failure(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, CRASH_LATE);
    start(&f);
    assert_exit(&f, DRIVER_EXIT_FAILED);
    assert_int_equal(f.n_started, 1);
    tear_down(&f);
}

static void death_by_others_is_a_failure(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, NORMAL);
    start(&f);
    run_until(&f, &f.n_started);
    assert_int_equal(kill(driver_get_pid(f.d), SIGKILL), 0);
    assert_exit(&f, DRIVER_EXIT_FAILED);
    tear_down(&f);
}

static void deaf_guest_is_killed_at_the_deadline(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, DEAF);
    start(&f);
    run_until(&f, &f.n_started);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

static void kill_shortens_a_stop(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, DEAF);
    start(&f);
    run_until(&f, &f.n_started);
    assert_true(driver_stop(f.d, NULL));
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

static void stop_and_kill_work_while_starting(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, NORMAL);
    start(&f);
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);

    set_up(&f, subject, NORMAL);
    start(&f);
    assert_true(driver_stop(f.d, NULL));
    run_until(&f, &f.n_exited);
    assert_true(f.exit == DRIVER_EXIT_STOPPED || f.exit == DRIVER_EXIT_KILLED);
    assert_int_equal(f.n_started, 0);
    tear_down(&f);
}

static void closed_machine_runs_on_and_is_adopted(const struct subject *subject)
{
    struct fixture f;
    auto_err struct err *err = NULL;
    pid_t pid;

    set_up(&f, subject, NORMAL);
    assert_false(driver_adopt(f.d, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    start(&f);
    run_until(&f, &f.n_started);
    pid = driver_get_pid(f.d);
    close_driver(&f);

    open_driver(&f);
    auto_err struct err *busy = NULL;

    assert_int_equal(probe_pid_file(&f, NULL), PIDFILE_LIVE);
    assert_false(driver_start(f.d, &busy));
    assert_int_equal(err_kind(busy), ERR_BUSY);
    assert_true(driver_adopt(f.d, NULL));
    assert_int_equal(f.n_started, 0);
    run_until(&f, &f.n_started);
    assert_int_equal(driver_get_pid(f.d), pid);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);
}

static void callbacks_may_stop_and_close(const struct subject *subject)
{
    struct fixture f;

    set_up(&f, subject, NORMAL);
    f.stop_in_callback = true;
    start(&f);
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);

    set_up(&f, subject, CRASH_EARLY);
    f.close_in_callback = true;
    start(&f);
    run_until(&f, &f.n_exited);
    tear_down(&f);

    set_up(&f, subject, NORMAL);
    f.close_in_callback = true;
    start(&f);
    run_until(&f, &f.n_started);
    assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
    f.close_in_callback = false;
    open_driver(&f);
    assert_true(driver_adopt(f.d, NULL));
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

struct answers {
    struct fixture *f;
    unsigned n;
    enum err_kind kind; /* of the last, if it was an error */
};

static void disk_answered(void *arg, const struct err *err)
{
    struct answers *a = arg;

    a->n++;
    a->kind = err ? err_kind(err) : ERR_INTERNAL;
    uv_stop(&a->f->loop);
}

static void disks_answered(void *arg, const struct driver_disk_state *disks, size_t n,
                           const struct err *err)
{
    assert_int_equal(n, 0);
    disk_answered(arg, err);
}

/* Whatever comes of it, the descriptor is the driver's to close. */
static bool attach_pipe(struct answers *a, int *out_read_fd, struct err **errp)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    *out_read_fd = fds[0];
    return driver_attach_disk(a->f->d, &(struct driver_hot_disk){ "/dev/x", "x", fds[1] },
                              disk_answered, a, errp);
}

static void assert_closed(int read_fd)
{
    char byte;

    assert_int_equal(read(read_fd, &byte, 1), 0);
    (void)close(read_fd);
}

static void disks_change_only_while_it_runs(const struct subject *subject)
{
    struct fixture f;
    struct answers a = { .f = &f };
    auto_err struct err *early = NULL, *late = NULL;
    bool can;
    int read_fd;

    set_up(&f, subject, NORMAL);
    can = driver_get_type(f.d)->caps & DRIVER_CAP_HOT_DISK;
    assert_false(attach_pipe(&a, &read_fd, &early));
    assert_int_equal(err_kind(early), can ? ERR_BUSY : ERR_UNSUPPORTED);
    assert_closed(read_fd);
    start(&f);
    run_until(&f, &f.n_started);
    if (can) {
        assert_true(driver_list_disks(f.d, disks_answered, &a, NULL));
        run_until(&f, &a.n);
        a.n = 0;
        assert_true(attach_pipe(&a, &read_fd, NULL));
        run_until(&f, &a.n); /* these machines have no place for it */
        assert_int_equal(a.kind, ERR_UNSUPPORTED);
        assert_closed(read_fd);
        a.n = 0;
        assert_true(driver_detach_disk(f.d, "/dev/x", disk_answered, &a, NULL));
        run_until(&f, &a.n);
        assert_int_equal(a.kind, ERR_NOT_FOUND);
    }
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    assert_false(driver_list_disks(f.d, disks_answered, &a, &late));
    tear_down(&f);
}

static void questions_about_disks_end_with_the_machine(const struct subject *subject)
{
    struct fixture f;
    struct answers a = { .f = &f };

    set_up(&f, subject, NORMAL);
    if (driver_get_type(f.d)->caps & DRIVER_CAP_HOT_DISK) {
        start(&f);
        run_until(&f, &f.n_started);
        assert_true(driver_list_disks(f.d, disks_answered, &a, NULL));
        driver_kill(f.d);
        assert_exit(&f, DRIVER_EXIT_KILLED);
        assert_int_equal(a.n, 1);
    }
    tear_down(&f);
}

static void stale_pid_file_is_no_obstacle(const struct subject *subject)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    set_up(&f, subject, NORMAL);

    auto_mem char *path = path_join(f.dir, driver_get_type(f.d)->pid_name);

    assert_true(file_write_atomic(path, SV("999999999\n"), 0644, NULL));
    assert_false(driver_adopt(f.d, &err));
    start(&f);
    run_until(&f, &f.n_started);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);
}

#define FOR_EACH_SUBJECT(name)                       \
    static void test_##name(void **state)            \
    {                                                \
        for (size_t i = 0; i < COUNT(subjects); i++) \
            name(&subjects[i]);                      \
    }

FOR_EACH_SUBJECT(start_and_stop)
FOR_EACH_SUBJECT(kill_ends_it)
FOR_EACH_SUBJECT(failed_start_changes_nothing)
FOR_EACH_SUBJECT(crash_before_the_start_is_one_exit)
FOR_EACH_SUBJECT(crash_while_running_is_a_failure)
FOR_EACH_SUBJECT(death_by_others_is_a_failure)
FOR_EACH_SUBJECT(deaf_guest_is_killed_at_the_deadline)
FOR_EACH_SUBJECT(kill_shortens_a_stop)
FOR_EACH_SUBJECT(stop_and_kill_work_while_starting)
FOR_EACH_SUBJECT(closed_machine_runs_on_and_is_adopted)
FOR_EACH_SUBJECT(callbacks_may_stop_and_close)
FOR_EACH_SUBJECT(disks_change_only_while_it_runs)
FOR_EACH_SUBJECT(questions_about_disks_end_with_the_machine)
FOR_EACH_SUBJECT(stale_pid_file_is_no_obstacle)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_kill_ends_it),
        cmocka_unit_test(test_failed_start_changes_nothing),
        cmocka_unit_test(test_crash_before_the_start_is_one_exit),
        cmocka_unit_test(test_crash_while_running_is_a_failure),
        cmocka_unit_test(test_death_by_others_is_a_failure),
        cmocka_unit_test(test_deaf_guest_is_killed_at_the_deadline),
        cmocka_unit_test(test_kill_shortens_a_stop),
        cmocka_unit_test(test_stop_and_kill_work_while_starting),
        cmocka_unit_test(test_closed_machine_runs_on_and_is_adopted),
        cmocka_unit_test(test_callbacks_may_stop_and_close),
        cmocka_unit_test(test_disks_change_only_while_it_runs),
        cmocka_unit_test(test_questions_about_disks_end_with_the_machine),
        cmocka_unit_test(test_stale_pid_file_is_no_obstacle),
    };

    if (!use_fake_qemu(argc, argv))
        return 2;
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
