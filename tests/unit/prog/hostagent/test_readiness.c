/*
 * A fake "ssh" says what a guest would: for each script it looks for a file named after what the
 * script is about, and succeeds when there is one. The ssh server's greeting comes from a socket of
 * the test.
 */
#include "prog/hostagent/readiness.h"

#include "base/mem.h"
#include "loop_test.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "temp_dir.h"

static const char fake_ssh[] =
    "#!/bin/sh\n"
    "dir=${0%/*}\n"
    "script=$(cat)\n"
    "case $script in\n"
    "*lima-ssh-ready*) what=session;;\n"
    "*lima-boot-done*) what=boot;;\n"
    "*probe*) what=probe;;\n"
    "*) what=ssh;;\n"
    "esac\n"
    "echo $what >> $dir/calls\n"
    "[ -e $dir/guest-has-$what ] || { echo \"no $what\" >&2; exit 1; }\n";

struct fixture {
    struct readiness *readiness;
    struct instance_config config;
    struct strv program, options;
    struct strv told;
    bool done;
    /* a server that greets each connection */
    int listen_fd;
    uint16_t port;
    struct watch *server;
};

static struct probe_config one_probe = { .mode = "readiness",
                                         .description = "p",
                                         .script = "#!/bin/sh\n# probe\n" };

static void set_guest(const char *what, bool has)
{
    auto_mem char *name = mem_printf("guest-has-%s", what);
    auto_mem char *path = temp_path(name);

    if (has)
        assert_true(file_write_atomic(path, SV(""), 0600, NULL));
    else
        assert_true(file_remove(path, NULL));
}

static char *calls(void)
{
    auto_mem char *path = temp_path("calls");
    char *text = NULL;

    return file_read_text(path, 1 << 20, &text, NULL) ? text : mem_strdup("");
}

static void on_ssh(void *arg)
{
    struct fixture *f = arg;

    strv_push(&f->told, "ssh");
}

static void on_agent_missing(void *arg)
{
    struct fixture *f = arg;

    strv_push(&f->told, "agent missing");
}

static void on_done(void *arg, const struct strv *errors)
{
    struct fixture *f = arg;

    strv_push(&f->told, "done");
    for (size_t i = 0; i < errors->n; i++)
        strv_push(&f->told, errors->v[i]);
    f->done = true;
    readiness_close(f->readiness);
    f->readiness = NULL;
}

static const struct readiness_events events = {
    .on_ssh = on_ssh,
    .on_agent_missing = on_agent_missing,
    .on_done = on_done,
};

static void greet(void *arg)
{
    struct fixture *f = arg;
    int fd;

    assert_true(sock_accept(watch_fd(f->server), &fd, NULL));
    assert_int_equal(write(fd, "SSH-2.0-test\r\n", 14), 14);
    assert_int_equal(close(fd), 0);
}

static void serve_greetings(struct fixture *f)
{
    f->server = watch_open(&test_loop, f->listen_fd, greet, f, NULL);
    f->listen_fd = -1;
}

static void fixture_open(struct fixture *f, bool expect_agent, const char *iid)
{
    static const char *const all[] = { "ssh", "session", "boot", "probe" };
    auto_mem char *log = temp_path("calls");

    *f = (struct fixture){ .config = { .os = "Linux", .probes = { &one_probe, 1, 1 } } };
    for (size_t i = 0; i < COUNT(all); i++)
        set_guest(all[i], true);
    assert_true(file_remove(log, NULL));
    strv_push_take(&f->program, temp_path("ssh"));
    assert_true(sock_tcp_listen("127.0.0.1", 0, &f->listen_fd, &f->port, NULL));
    f->readiness = readiness_open(&(struct readiness_params){
        .loop = &test_loop,
        .config = &f->config,
        .iid = iid,
        .expect_agent = expect_agent,
        .ssh.program = &f->program,
        .ssh.options = &f->options,
        .ssh.address = "127.0.0.1",
        .ssh.port = f->port,
        .timing = { .tries = 2,
                    .try_interval_ms = 1,
                    .banner_ms = 10,
                    .grace_ms = 10,
                    .phase_ms = 60 * 1000,
                    .agent_ms = 10 },
        .events = &events,
        .arg = f,
    });
}

static void fixture_close(struct fixture *f)
{
    readiness_close(f->readiness);
    watch_close(f->server);
    if (f->listen_fd >= 0)
        assert_int_equal(close(f->listen_fd), 0);
    strv_done(&f->program);
    strv_done(&f->options);
    strv_done(&f->told);
}

static void assert_told(struct fixture *f, const char *expected)
{
    auto_mem char *joined = strv_join(&f->told, "|");

    assert_string_equal(joined, expected);
}

static void report(struct fixture *f, enum guest_phase phase, enum guest_state state)
{
    if (f->readiness)
        readiness_phase(f->readiness, phase, state, SV("words\033 of the guest"));
}

static void without_an_agent_ssh_tells_everything(void **state)
{
    struct fixture f;
    auto_mem char *called = NULL;

    fixture_open(&f, false, "iid-1");
    run_until(f.done);
    assert_told(&f, "ssh|done");
    called = calls();
    assert_string_equal(called, "ssh\nsession\nssh\nboot\nprobe\n");
    fixture_close(&f);
}

static void what_is_not_met_becomes_an_error_and_the_rest_follows(void **state)
{
    struct fixture f;

    fixture_open(&f, false, "iid-1");
    set_guest("session", false);
    set_guest("probe", false);
    run_until(f.done);
    assert_int_equal(f.told.n, 4);
    assert_string_equal(f.told.v[0], "ssh");
    assert_true(str_starts(f.told.v[2], "failed to satisfy the essential requirement 2 of 3 "
                                        "\"user session is ready for ssh\": "));
    assert_true(str_ends(f.told.v[2], ": ssh failed with exit status 1: no session"));
    assert_string_equal(f.told.v[3], "failed to satisfy the optional requirement 1 of 1 \"p\": "
                                     "ssh failed with exit status 1: no probe");
    fixture_close(&f);
}

static void reports_of_the_agent_replace_the_checks(void **state)
{
    struct fixture f;
    auto_mem char *called = NULL;

    fixture_open(&f, true, "iid-1");
    readiness_hello(f.readiness, true);
    report(&f, GUEST_PHASE_INIT, GUEST_DONE);
    readiness_hello(f.readiness, false);
    report(&f, GUEST_PHASE_SSH, GUEST_BEGUN);
    assert_told(&f, "");
    report(&f, GUEST_PHASE_SSH, GUEST_DONE);
    assert_told(&f, "ssh");
    report(&f, GUEST_PHASE_BOOT, GUEST_BEGUN);
    report(&f, GUEST_PHASE_BOOT, GUEST_DONE);
    run_until(f.done);
    assert_told(&f, "ssh|done");
    called = calls();
    assert_string_equal(called, "probe\n");
    fixture_close(&f);
}

static void a_report_of_everything_at_once_is_enough(void **state)
{
    struct fixture f;

    fixture_open(&f, true, NULL);
    readiness_hello(f.readiness, false);
    report(&f, GUEST_PHASE_BOOT, GUEST_DONE);
    report(&f, GUEST_PHASE_SSH, GUEST_DONE);
    run_until(f.done);
    assert_told(&f, "ssh|done");
    fixture_close(&f);
}

static void failed_scripts_do_not_degrade_but_a_lost_root_does_at_once(void **state)
{
    struct fixture scripts, root;

    fixture_open(&scripts, true, "iid-1");
    readiness_hello(scripts.readiness, false);
    report(&scripts, GUEST_PHASE_SSH, GUEST_DONE);
    report(&scripts, GUEST_PHASE_BOOT, GUEST_FAILED);
    run_until(scripts.done);
    assert_told(&scripts, "ssh|done");
    fixture_close(&scripts);

    fixture_open(&root, true, "iid-1");
    readiness_hello(root.readiness, true);
    report(&root, GUEST_PHASE_ROOT, GUEST_FAILED);
    report(&root, GUEST_PHASE_ROOT, GUEST_FAILED);
    assert_told(&root, "done|the guest failed in the phase \"root\": words\\x1b of the guest");
    fixture_close(&root);
}

static void a_failed_seed_is_told_once_at_the_end(void **state)
{
    struct fixture f;

    fixture_open(&f, true, "iid-1");
    readiness_hello(f.readiness, true);
    for (int i = 0; i < 3; i++) {
        report(&f, GUEST_PHASE_SEED, GUEST_FAILED);
        report(&f, GUEST_PHASE_SEED, GUEST_BEGUN);
    }
    readiness_hello(f.readiness, false);
    report(&f, GUEST_PHASE_SSH, GUEST_DONE);
    report(&f, GUEST_PHASE_BOOT, GUEST_DONE);
    run_until(f.done);
    assert_told(&f, "ssh|done|the guest failed in the phase \"seed\": words\\x1b of the guest");
    fixture_close(&f);
}

static void a_silent_agent_is_replaced_by_checks(void **state)
{
    struct fixture f;
    auto_mem char *called = NULL;

    fixture_open(&f, true, "iid-1");
    serve_greetings(&f);
    run_until(f.done);
    assert_told(&f, "ssh|agent missing|done|the guest agent does not answer (hint: see "
                    "\"serial*.log\" in the instance directory)");
    called = calls();
    assert_string_equal(called, "ssh\nsession\nssh\nboot\nprobe\n");
    fixture_close(&f);
}

static void no_check_begins_before_the_ssh_server_speaks(void **state)
{
    struct fixture f;
    auto_mem char *called = NULL;

    fixture_open(&f, true, "iid-1"); /* the port accepts, as QEMU's does, and nobody speaks */
    for (int i = 0; i < 5; i++)
        (void)uv_run(&test_loop, UV_RUN_ONCE);
    called = calls();
    assert_string_equal(called, "");
    assert_false(f.done);
    fixture_close(&f);
}

static void an_agent_that_comes_late_takes_over(void **state)
{
    struct fixture f;

    fixture_open(&f, true, "iid-1");
    set_guest("session", false); /* the checks would fail in the end */
    serve_greetings(&f);
    for (;;) {
        auto_mem char *called = calls();

        if (strstr(called, "session"))
            break;
        (void)uv_run(&test_loop, UV_RUN_ONCE);
    }
    readiness_hello(f.readiness, false);
    report(&f, GUEST_PHASE_SSH, GUEST_DONE);
    report(&f, GUEST_PHASE_BOOT, GUEST_DONE);
    run_until(f.done);
    assert_told(&f, "ssh|done");
    fixture_close(&f);
}

static void closing_leaves_nothing(void **state)
{
    struct fixture f;

    fixture_open(&f, false, "iid-1");
    (void)uv_run(&test_loop, UV_RUN_ONCE); /* a check has begun */
    fixture_close(&f);
}

static int setup(void **state)
{
    auto_mem char *path = NULL;

    if (temp_dir_setup(state) != 0)
        return -1;
    path = temp_path("ssh");
    return file_write_atomic(path, sv_of(fake_ssh), 0700, NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(without_an_agent_ssh_tells_everything),
        loop_test(what_is_not_met_becomes_an_error_and_the_rest_follows),
        loop_test(reports_of_the_agent_replace_the_checks),
        loop_test(a_report_of_everything_at_once_is_enough),
        loop_test(failed_scripts_do_not_degrade_but_a_lost_root_does_at_once),
        loop_test(a_failed_seed_is_told_once_at_the_end),
        loop_test(a_silent_agent_is_replaced_by_checks),
        loop_test(no_check_begins_before_the_ssh_server_speaks),
        loop_test(an_agent_that_comes_late_takes_over),
        loop_test(closing_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, setup, temp_dir_teardown);
}
