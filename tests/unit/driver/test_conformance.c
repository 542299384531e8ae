/*
 * What every driver must do, run for each of them: the contract drawn in driver/driver.h. A driver
 * joins with a row in "subjects": how its machines are made to misbehave.
 */
#include "driver/driver.h"

#include <signal.h>
#include <uv.h>

#include "base/mem.h"
#include "lang/yaml/node.h"
#include "model/config/instance.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/pidfile.h"
#include "temp_dir.h"
#include "unit_test.h"

enum behaviour { NORMAL, REFUSE, CRASH_EARLY, CRASH_LATE, DEAF, BEHAVIOUR_COUNT };

struct fixture {
    const struct subject *subject;
    uv_loop_t loop;
    char *dir;
    struct instance_config config;
    struct driver *d;
    unsigned n_started, n_exited;
    enum driver_exit exit;
    char *exit_text;
    bool close_in_callback, stop_in_callback;
};

struct subject {
    const char *name;
    void (*behave)(struct fixture *f, enum behaviour behaviour);
};

/* --- The drivers --- */

static void set_option(struct fixture *f, const char *key, const char *value)
{
    struct yaml_doc *doc = yaml_doc_new();
    struct yaml_node *options = yaml_new_map(doc);

    doc->root = yaml_new_map(doc);
    yaml_set(doc, options, sv_of(key), yaml_new_plain(doc, sv_of(value)));
    yaml_set(doc, doc->root, sv_of(f->subject->name), options);
    f->config.vm_opts.doc = doc;
}

static void null_behave(struct fixture *f, enum behaviour behaviour)
{
    static const char *const fail_at[BEHAVIOUR_COUNT] = { NULL, "start", "boot", "run", "stop" };

    if (fail_at[behaviour])
        set_option(f, "failAt", fail_at[behaviour]);
}

static void qemu_behave(struct fixture *f, enum behaviour behaviour)
{
    static const char *const modes[BEHAVIOUR_COUNT] = { "", "", "refuse", "crash", "deaf" };
    auto_mem char *disk = path_join(f->dir, "disk");
    auto_mem char *firmware = path_join(f->dir, "qemu-efi-code.fd");

    assert_int_equal(setenv("FAKE_QEMU", modes[behaviour], 1), 0);
    assert_true(file_write_atomic(firmware, SV("x"), 0600, NULL));
    if (behaviour != REFUSE) /* without a disk nothing starts */
        assert_true(file_write_atomic(disk, SV("raw bytes"), 0600, NULL));
}

static const struct subject subjects[] = {
    { "null", null_behave },
    { "qemu", qemu_behave },
};

/* --- The fixture --- */

static void on_event(void *arg, const struct driver_event *event)
{
    struct fixture *f = arg;

    switch (event->kind) {
    case DRIVER_EVENT_STARTED:
        assert_int_equal(driver_get_state(f->d), DRIVER_RUNNING);
        assert_int_equal(f->n_exited, 0);
        f->n_started++;
        break;
    case DRIVER_EVENT_EXITED:
        assert_int_equal(driver_get_state(f->d), DRIVER_EXITED);
        assert_true((event->exit == DRIVER_EXIT_FAILED) == (event->err != NULL));
        f->n_exited++;
        f->exit = event->exit;
        mem_replace(&f->exit_text, mem_strdup(event->err ? err_text(event->err) : ""));
        break;
    case DRIVER_EVENT_PAUSED:
    case DRIVER_EVENT_RESUMED:
        break;
    }
    uv_stop(&f->loop);
    if (f->stop_in_callback && event->kind == DRIVER_EVENT_STARTED)
        assert_true(driver_stop(f->d, NULL));
    if (f->close_in_callback) {
        driver_close(f->d);
        f->d = NULL;
    }
}

static void open_driver(struct fixture *f)
{
    const struct driver_type *type = driver_type_find(f->subject->name, NULL);
    struct err *err = NULL;

    assert_non_null(type);
    f->n_started = f->n_exited = 0;
    f->d = driver_open(type,
                       &(struct driver_params){
                           .inst = { .config = &f->config, .name = "x", .dir = f->dir },
                           .ssh_port = 22222,
                           .mac = "52:55:55:00:00:01",
                           .stop_deadline_ms = 100,
                           .loop = &f->loop,
                           .on_event = on_event,
                           .arg = f,
                       },
                       &err);
    if (!f->d)
        fail_msg("%s", err_text(err));
}

static void set_up(struct fixture *f, const struct subject *subject, enum behaviour behaviour)
{
    static unsigned n_dirs;
    auto_mem char *name = mem_printf("inst%u", n_dirs++);
    auto_mem char *path = temp_path(name);

    *f = (struct fixture){ .subject = subject, .dir = MOVE(path) };
    assert_true(dir_make(f->dir, 0700, NULL));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->config.arch = mem_strdup(host_arch());
    f->config.os = mem_strdup("Linux");
    f->config.cpus = (struct opt_int){ true, 1 };
    f->config.memory.bytes = 64 << 20;
    subject->behave(f, behaviour);
    open_driver(f);
}

static void run_until(struct fixture *f, const unsigned *counter)
{
    while (*counter == 0) /* on_event() interrupts */
        assert_true(uv_run(&f->loop, UV_RUN_DEFAULT) != 0 || *counter > 0);
}

/* The loop is empty afterwards. */
static void close_driver(struct fixture *f)
{
    driver_close(f->d);
    f->d = NULL;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void assert_no_traces(struct fixture *f)
{
    auto_strv struct strv names = { 0 };

    assert_true(dir_list(f->dir, &names, NULL));
    for (size_t i = 0; i < names.n; i++)
        check_row(!str_ends(names.v[i], ".pid") && !str_ends(names.v[i], ".sock"), names.v[i]);
}

static void tear_down(struct fixture *f)
{
    close_driver(f);
    assert_no_traces(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_true(dir_remove_tree(f->dir, NULL));
    yaml_doc_free(f->config.vm_opts.doc);
    free(f->config.arch);
    free(f->config.os);
    free(f->exit_text);
    free(f->dir);
}

static void start(struct fixture *f)
{
    struct err *err = NULL;

    if (!driver_start(f->d, &err))
        fail_msg("%s: %s", f->subject->name, err_text(err));
    assert_int_equal(driver_get_state(f->d), DRIVER_STARTING);
    assert_int_equal(f->n_started + f->n_exited, 0);
}

static void assert_exit(struct fixture *f, enum driver_exit expected)
{
    run_until(f, &f->n_exited);
    if (f->exit != expected)
        fail_msg("%s: exit is \"%s\" instead of \"%s\": %s", f->subject->name,
                 driver_exit_names[f->exit], driver_exit_names[expected], f->exit_text);
    assert_int_equal(f->n_exited, 1);
    assert_int_equal(driver_get_pid(f->d), 0);
}

static enum pidfile_state probe_pid_file(struct fixture *f, pid_t *out_pid)
{
    auto_mem char *path = path_join(f->dir, driver_get_type(f->d)->pid_name);

    return pidfile_probe(path, out_pid);
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
        cmocka_unit_test(test_stale_pid_file_is_no_obstacle),
    };
    static const char *const variables[] = {
        "QEMU_SYSTEM_X86_64",  "QEMU_SYSTEM_AARCH64", "QEMU_SYSTEM_ARM",
        "QEMU_SYSTEM_RISCV64", "QEMU_SYSTEM_PPC64",   "QEMU_SYSTEM_S390X",
    };

    if (argc != 2)
        return 2;
    for (size_t i = 0; i < COUNT(variables); i++)
        (void)setenv(variables[i], argv[1], 1);
    (void)setenv("LIMA_QEMU_ACCEL", "tcg", 1);
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
