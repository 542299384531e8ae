/*
 * The whole host agent with the null driver: its machine is a sleeping process with a locked pid
 * file. "ssh" is a program that always succeeds.
 */
#include "prog/hostagent/agent.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "lang/yaml/yaml_text.h"
#include "loop_test.h"
#include "model/store/names.h"
#include "sys/file.h"
#include "sys/pidfile.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "temp_dir.h"

struct fixture {
    struct options options;
    struct setup setup;
    struct agent_params params;
    char *events_path, *socket_path, *pid_path;
    struct agent *agent;
};

/* vmOpts.null of the instance, "{}" for none. */
static void fixture_init(struct fixture *f, const char *null_options)
{
    static const int signals[] = { SIGTERM, SIGHUP, 0 };
    auto_mem char *vm_opts = mem_printf("{\"null\": %s}", null_options);

    *f = (struct fixture){
        .events_path = temp_path("ha.stdout.log"),
        .socket_path = temp_path("ha.sock"),
        .pid_path = temp_path("null.pid"),
    };
    f->options = (struct options){ .name = "x", .socket_path = f->socket_path };
    f->setup = (struct setup){ .options = &f->options, .iid = mem_strdup("iid-1"), .ssh_port = 22 };
    f->setup.dir = mem_strdup(temp_dir);
    f->setup.mac = mem_strdup("52:55:55:00:00:01");
    f->setup.config.os = mem_strdup("Linux");
    f->setup.config.vm_opts.doc = yaml_load(sv_of(vm_opts), NULL);
    assert_non_null(f->setup.config.vm_opts.doc);
    f->setup.driver_type = driver_type_find("null", NULL);
    strv_push_take(&f->setup.ssh_program, temp_path("ssh"));
    f->setup.is_adopting = pidfile_probe(f->pid_path, NULL) == PIDFILE_LIVE;
    f->params = (struct agent_params){ .setup = &f->setup,
                                       .timing = { .tries = 2, .try_interval_ms = 1 } };
    f->params.events_fd = open(f->events_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(f->params.events_fd >= 0);
    assert_true(sig_open(signals, &f->params.take_signal_fd, NULL));
}

static bool fixture_open(struct fixture *f, const char *null_options, struct err **errp)
{
    fixture_init(f, null_options);
    f->params.loop = &test_loop;
    f->agent = agent_open(&f->params, errp);
    return f->agent != NULL;
}

/* The status members of all events so far, one a line. */
static char *told(const struct fixture *f)
{
    auto_mem char *text = NULL;
    auto_sb struct sb out = { 0 };
    struct sv rest, line;

    assert_true(file_read_text(f->events_path, 1 << 16, &text, NULL));
    rest = sv_of(text);
    while (sv_next(&rest, '\n', &line) && line.n) {
        const char *status = strstr(line.p, "\"status\":") + strlen("\"status\":");

        sb_put(&out, (struct sv){ status, (size_t)(line.p + line.n - 1 - status) });
    }
    return sb_steal(&out);
}

static bool has_told(const struct fixture *f, const char *word)
{
    auto_mem char *text = told(f);

    return strstr(text, word) != NULL;
}

static int fixture_close(struct fixture *f)
{
    int status = f->agent ? agent_free(f->agent) : -1;

    assert_int_equal(close(f->params.events_fd), 0);
    setup_done(&f->setup);
    free(f->events_path);
    free(f->socket_path);
    free(f->pid_path);
    return status;
}

static void assert_told(const struct fixture *f, const char *expected)
{
    auto_mem char *text = told(f);

    assert_string_equal(text, expected);
}

static void runs_until_it_is_told_to_stop(void **state)
{
    struct fixture f;

    assert_true(fixture_open(&f, "{}", NULL));
    run_until(has_told(&f, "running"));
    assert_int_equal(pidfile_probe(f.pid_path, NULL), PIDFILE_LIVE);
    assert_true(file_exists(f.socket_path));
    assert_int_equal(kill(getpid(), SIGHUP), 0); /* means nothing without a terminal */
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_told(&f, "{\"sshLocalPort\":22}{\"running\":true,\"sshLocalPort\":22}{\"exiting\":true}");
    assert_int_equal(pidfile_probe(f.pid_path, NULL), PIDFILE_NONE);
    assert_false(file_exists(f.socket_path));
    assert_int_equal(fixture_close(&f), 0);
}

static void progress_has_an_end_without_cloud_init(void **state)
{
    struct fixture f;

    fixture_init(&f, "{}");
    f.options.progress = true;
    f.setup.config.plain = (struct opt_bool){ true, true };
    f.params.loop = &test_loop;
    f.agent = agent_open(&f.params, NULL);
    assert_non_null(f.agent);
    run_until(has_told(&f, "completed"));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_told(&f, "{\"sshLocalPort\":22}"
                    "{\"sshLocalPort\":22,\"cloudInitProgress\":{\"active\":true}}"
                    "{\"running\":true,\"sshLocalPort\":22}"
                    "{\"running\":true,\"sshLocalPort\":22,\"cloudInitProgress\":"
                    "{\"logLine\":\"the guest has booted\",\"completed\":true}}"
                    "{\"exiting\":true}");
    assert_int_equal(fixture_close(&f), 0);
}

static void a_start_that_fails_leaves_nothing(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    assert_false(fixture_open(&f, "{\"failAt\": \"start\"}", &err));
    assert_non_null(err);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_told(&f, "{\"exiting\":true}");
    assert_false(file_exists(f.socket_path));
    (void)fixture_close(&f);
}

static void a_machine_that_never_boots_is_a_failure(void **state)
{
    struct fixture f;

    assert_true(fixture_open(&f, "{\"failAt\": \"boot\"}", NULL));
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_told(&f, "{\"exiting\":true}");
    assert_int_equal(fixture_close(&f), 1);
}

static void a_killed_machine_ends_the_host_agent(void **state)
{
    struct fixture f;
    pid_t pid;

    assert_true(fixture_open(&f, "{}", NULL));
    run_until(has_told(&f, "running"));
    assert_int_equal(pidfile_probe(f.pid_path, &pid), PIDFILE_LIVE);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_true(has_told(&f, "exiting"));
    assert_int_equal(fixture_close(&f), 1);
}

static void a_second_signal_kills_a_machine_that_will_not_stop(void **state)
{
    struct fixture f;

    assert_true(fixture_open(&f, "{\"failAt\": \"stop\"}", NULL));
    run_until(has_told(&f, "running"));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&test_loop, UV_RUN_NOWAIT);
    assert_false(has_told(&f, "exiting"));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_true(has_told(&f, "exiting"));
    assert_int_equal(fixture_close(&f), 0);
}

static void a_signal_during_the_launch_stops_it(void **state)
{
    struct fixture f;

    assert_true(fixture_open(&f, "{\"delayMs\": 600000}", NULL));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    (void)uv_run(&test_loop, UV_RUN_NOWAIT);
    assert_int_equal(kill(getpid(), SIGTERM), 0); /* its end is delayed, too */
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_told(&f, "{\"exiting\":true}");
    assert_int_equal(fixture_close(&f), 0);
}

/* A host agent in a process of its own; returns its id once it reported readiness. */
static pid_t run_apart(struct fixture *f)
{
    pid_t pid;

    fixture_init(f, "{}");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uv_loop_t loop;

        if (uv_loop_init(&loop) != 0)
            _exit(1);
        f->params.loop = &loop;
        f->agent = agent_open(&f->params, NULL);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        _exit(0);
    }
    while (!has_told(f, "running"))
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(close(f->params.take_signal_fd), 0);
    return pid;
}

static void a_machine_outlives_a_killed_host_agent_and_is_taken_over(void **state)
{
    struct fixture dead, f;
    pid_t agent_pid = run_apart(&dead), machine, machine_later;

    assert_int_equal(kill(agent_pid, SIGKILL), 0);
    assert_int_equal(waitpid(agent_pid, NULL, 0), agent_pid);
    assert_int_equal(pidfile_probe(dead.pid_path, &machine), PIDFILE_LIVE);
    (void)fixture_close(&dead);

    assert_true(fixture_open(&f, "{}", NULL));
    assert_true(f.setup.is_adopting);
    run_until(has_told(&f, "running"));
    assert_int_equal(pidfile_probe(f.pid_path, &machine_later), PIDFILE_LIVE);
    assert_int_equal(machine, machine_later);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_false(proc_is_alive(machine));
    assert_int_equal(fixture_close(&f), 0);
}

static int setup(void **state)
{
    auto_mem char *path = NULL;

    if (temp_dir_setup(state) != 0)
        return -1;
    path = temp_path("ssh");
    return file_write_atomic(path, SV("#!/bin/sh\nexit 0\n"), 0700, NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(runs_until_it_is_told_to_stop),
        loop_test(progress_has_an_end_without_cloud_init),
        loop_test(a_start_that_fails_leaves_nothing),
        loop_test(a_machine_that_never_boots_is_a_failure),
        loop_test(a_killed_machine_ends_the_host_agent),
        loop_test(a_second_signal_kills_a_machine_that_will_not_stop),
        loop_test(a_signal_during_the_launch_stops_it),
        loop_test(a_machine_outlives_a_killed_host_agent_and_is_taken_over),
    };

    return cmocka_run_group_tests(tests, setup, temp_dir_teardown);
}
