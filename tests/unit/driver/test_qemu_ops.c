/* What is particular to QEMU, with the fake one: reasons of an end, pauses, sockets, words. */
#include <sys/socket.h>
#include <unistd.h>

#include "driver_fixture.h"
#include "sys/sock.h"

static void set_up(struct fixture *f, const char *mode)
{
    fixture_init(f, "qemu");
    put_qemu_files(f);
    assert_int_equal(setenv("FAKE_QEMU", mode, 1), 0);
    if (str_eq(mode, "mute"))
        f->stop_deadline_ms = 100; /* it passes */
    open_driver(f);
}

static void guest_that_powers_off_is_no_failure(void **state)
{
    struct fixture f;

    set_up(&f, "poweroff");
    start(&f);
    assert_exit(&f, DRIVER_EXIT_GUEST);
    tear_down(&f);
}

static void reasons_of_a_failure_are_told(void **state)
{
    static const struct {
        const char *mode, *text;
    } cases[] = {
        { "panic", "kernel panicked" },
        { "refuse", "exit status 1: fake-qemu: -drive file=disk: no such thing" },
        { "crash", "was killed by SIGKILL: fake-qemu: about to crash" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;

        set_up(&f, cases[i].mode);
        start(&f);
        assert_exit(&f, DRIVER_EXIT_FAILED);
        check_row(strstr(f.exit_text, cases[i].text), f.exit_text);
        tear_down(&f);
    }
}

static void full_disk_pauses_and_stop_lets_it_go_on(void **state)
{
    struct fixture f;

    set_up(&f, "pause");
    start(&f);
    run_until(&f, &f.n_paused);
    assert_int_equal(f.n_started, 1);
    assert_string_equal(f.pause_text, "no space is left on the host for the guest's disk");
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);
}

static void guest_that_can_only_reset_itself_is_stopped_by_that(void **state)
{
    struct fixture f;

    set_up(&f, "stuck");
    start(&f);
    run_until(&f, &f.n_started);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);
}

static void machine_that_never_speaks_is_killed_by_a_stop(void **state)
{
    struct fixture f;

    set_up(&f, "mute");
    start(&f);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_KILLED);
    assert_int_equal(f.n_started, 0);
    tear_down(&f);
}

static void agents_socket_is_there_when_start_returns(void **state)
{
    struct fixture f;
    struct driver_link link;
    int fd;

    set_up(&f, "");
    link = driver_get_link(f.d);
    assert_int_equal(link.kind, DRIVER_LINK_SERIAL); /* no device process beside this program */
    assert_true(str_ends(link.path, "/ga.sock"));
    start(&f);
    assert_true(sock_unix_connect(link.path, SOCK_STREAM, &fd, NULL));
    (void)close(fd);
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

/* Whoever comes next finds it, even if we are killed before QEMU has written its pid file. */
static void pid_is_known_when_start_returns(void **state)
{
    auto_mem char *stale = NULL;
    struct fixture f;
    pid_t pid = 0;

    set_up(&f, "anonymous");
    stale = path_join(f.dir, "qemu.pid");
    assert_true(file_write_atomic(stale, SV("999999999\n"), 0600, NULL));
    start(&f);
    assert_int_equal(probe_pid_file(&f, &pid), PIDFILE_LIVE);
    assert_int_equal(pid, driver_get_pid(f.d));
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

static void pid_file_of_qemu_takes_the_place_of_ours(void **state)
{
    struct fixture f;
    pid_t pid = 0;

    set_up(&f, "");
    start(&f);
    run_until(&f, &f.n_started);
    assert_int_equal(probe_pid_file(&f, &pid), PIDFILE_LIVE);
    assert_int_equal(pid, driver_get_pid(f.d));
    driver_kill(f.d);
    assert_exit(&f, DRIVER_EXIT_KILLED);
    tear_down(&f);
}

static void plain_instance_has_no_link(void **state)
{
    struct fixture f;

    fixture_init(&f, "qemu");
    put_qemu_files(&f);
    f.config.plain = (struct opt_bool){ true, true };
    open_driver(&f);
    assert_int_equal(driver_get_link(f.d).kind, DRIVER_LINK_NONE);
    assert_null(driver_get_link(f.d).path);
    tear_down(&f);
}

static void sockets_of_a_dead_machine_are_replaced(void **state)
{
    static const char *const names[] = { "qmp.sock", "ga.sock" };
    struct fixture f;

    set_up(&f, "");
    for (size_t i = 0; i < COUNT(names); i++) {
        auto_mem char *path = path_join(f.dir, names[i]);
        int fd;

        assert_true(sock_unix_listen(path, SOCK_STREAM, &fd, NULL));
        (void)close(fd);
    }
    start(&f);
    run_until(&f, &f.n_started);
    assert_true(driver_stop(f.d, NULL));
    assert_exit(&f, DRIVER_EXIT_STOPPED);
    tear_down(&f);
}

static void words_come_from_instance_and_files(void **state)
{
    auto_mem char *log = temp_path("words");
    auto_mem char *words = NULL;
    struct fixture f;

    assert_int_equal(setenv("FAKE_QEMU_LOG", log, 1), 0);
    fixture_init(&f, "qemu");
    put_qemu_files(&f);
    auto_mem char *cmdline = path_join(f.dir, "kernel.cmdline");
    auto_mem char *kernel = path_join(f.dir, "kernel");
    auto_mem char *seed = path_join(f.dir, "cidata.iso");

    assert_true(file_write_atomic(cmdline, SV("root=/dev/vda1 clima.init\n"), 0600, NULL));
    assert_true(file_write_atomic(kernel, SV("x"), 0600, NULL));
    assert_true(file_write_atomic(seed, SV("x"), 0600, NULL));
    assert_int_equal(setenv("FAKE_QEMU", "poweroff", 1), 0);
    open_driver(&f);
    start(&f);
    run_until(&f, &f.n_exited);
    assert_true(file_read_text(log, 65536, &words, NULL));
    check_row(strstr(words, "\nlima-x\n"), words);
    check_row(strstr(words, "hostfwd=tcp:127.0.0.1:22222-:22"), words);
    check_row(strstr(words, "mac=52:55:55:00:00:01"), words);
    check_row(strstr(words, strstr(words, "\ntcg,")
                                ? "\nroot=/dev/vda1 clima.init mitigations=off\n"
                                : "\nroot=/dev/vda1 clima.init\n"),
              words);
    check_row(strstr(words, "serial=cidata"), words);
    check_row(strstr(words, "/disk,format=raw,"), words);
    check_row(!strstr(words, "pflash"), words); /* our init needs no firmware */
    assert_int_equal(unsetenv("FAKE_QEMU_LOG"), 0);
    tear_down(&f);
}

/* --- What is refused before anything is started --- */

static bool check(struct fixture *f, struct err **errp)
{
    struct driver_instance inst = {
        .config = &f->config, .name = "x", .dir = f->dir, .on_note = on_note, .note_arg = f
    };

    return driver_type_check_config(driver_type_find("qemu", NULL), &inst, errp);
}

static void options_are_checked(void **state)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        { "minimumVersion", "99.0.0", "is too old, template requires `99.0.0` or later" },
        { "minimumVersion", "nine", "must be a semvar value" },
        { "accel", "warp", "`vmOpts.qemu.accel` must be `kvm` or `tcg`" },
        { "cpuType", "[1]", "vmOpts.qemu" },
        { "minimumVersion", "9.1.0", NULL },
        { "accel", "tcg", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        auto_err struct err *err = NULL;

        fixture_init(&f, "qemu");
        set_option(&f, cases[i].key, cases[i].value);
        check_row(check(&f, &err) == !cases[i].text, cases[i].value);
        if (cases[i].text)
            check_row(strstr(err_text(err), cases[i].text), err_text(err));
        tear_down(&f);
    }
}

static void foreign_guests_cannot_be_forced_to_kvm(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    fixture_init(&f, "qemu");
    mem_replace(&f.config.arch, mem_strdup(str_eq(host_arch(), "riscv64") ? "x86_64" : "riscv64"));
    set_option(&f, "accel", "kvm");
    assert_false(check(&f, &err));
    assert_non_null(strstr(err_text(err), "accelerator kvm runs"));
    tear_down(&f);
}

static void settings_that_are_not_carried_out_are_refused(void **state)
{
    struct fixture f;
    auto_err struct err *tpm = NULL, *vnc = NULL;

    fixture_init(&f, "qemu");
    f.config.tpm = (struct opt_bool){ true, true };
    assert_false(check(&f, &tpm));
    assert_int_equal(err_kind(tpm), ERR_UNSUPPORTED);
    f.config.tpm.v = false;
    f.config.video.display = "vnc";
    assert_false(check(&f, &vnc));
    f.config.video.display = NULL;
    assert_true(check(&f, NULL));
    tear_down(&f);
}

static bool has_note(const struct fixture *f, const char *part)
{
    for (size_t i = 0; i < f->notes.n; i++)
        if (strstr(f->notes.v[i], part))
            return true;
    return false;
}

static void external_server_of_mounts_is_said_to_be_ignored(void **state)
{
    static const struct {
        const char *program, *mount_type;
        bool is_told;
    } cases[] = {
        { "/usr/lib/qemu/virtiofsd", "virtiofs", true },
        { "/usr/lib/qemu/virtiofsd", "9p", false },
        { "", "virtiofs", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;

        fixture_init(&f, "qemu");
        f.config.mount_type = mem_strdup(cases[i].mount_type);
        assert_int_equal(setenv("LIMA_VIRTIOFSD", cases[i].program, 1), 0);
        assert_true(check(&f, NULL));
        check_row(has_note(&f, "LIMA_VIRTIOFSD is ignored") == cases[i].is_told,
                  cases[i].mount_type);
        assert_int_equal(unsetenv("LIMA_VIRTIOFSD"), 0);
        mem_replace(&f.config.mount_type, NULL);
        tear_down(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_that_powers_off_is_no_failure),
        cmocka_unit_test(reasons_of_a_failure_are_told),
        cmocka_unit_test(full_disk_pauses_and_stop_lets_it_go_on),
        cmocka_unit_test(guest_that_can_only_reset_itself_is_stopped_by_that),
        cmocka_unit_test(machine_that_never_speaks_is_killed_by_a_stop),
        cmocka_unit_test(agents_socket_is_there_when_start_returns),
        cmocka_unit_test(pid_is_known_when_start_returns),
        cmocka_unit_test(pid_file_of_qemu_takes_the_place_of_ours),
        cmocka_unit_test(plain_instance_has_no_link),
        cmocka_unit_test(sockets_of_a_dead_machine_are_replaced),
        cmocka_unit_test(words_come_from_instance_and_files),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(foreign_guests_cannot_be_forced_to_kvm),
        cmocka_unit_test(settings_that_are_not_carried_out_are_refused),
        cmocka_unit_test(external_server_of_mounts_is_said_to_be_ignored),
    };

    if (!use_fake_qemu(argc, argv))
        return 2;
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
