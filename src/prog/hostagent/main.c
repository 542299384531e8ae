/*
 * hostagent: the daemon beside one running instance. "limactl hostagent" becomes this program.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "prog/hostagent/agent.h"
#include "prog/hostagent/options.h"
#include "prog/hostagent/setup.h"
#include "sys/pidfile.h"
#include "sys/sig.h"

/* Forwards need descriptors. */
static void raise_fd_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_debug("cannot raise the limit of descriptors: %s", strerror(errno));
}

static bool acquire_pid_file(const char *path, int *out_fd, struct err **errp)
{
    auto_err struct err *err = NULL;
    pid_t pid;

    if (!path || pidfile_acquire(path, out_fd, &err))
        return true;
    if (err_kind(err) == ERR_BUSY && pidfile_probe(path, &pid) == PIDFILE_LIVE)
        return err_set(errp, ERR_BUSY,
                       "another hostagent may already be running with pid %d (pidfile `%s`)", (int)pid,
                       path);
    return err_propagate(errp, MOVE(err));
}

static bool run(const struct options *options, int *out_status, struct err **errp)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    struct setup setup = { 0 };
    struct agent_params params = { .setup = &setup, .events_fd = STDOUT_FILENO,
                                   .take_signal_fd = -1 };
    struct agent *agent = NULL;
    uv_loop_t loop;
    int status = uv_loop_init(&loop);

    if (status < 0)
        return err_set_os(errp, -status, "cannot make an event loop");
    params.loop = &loop;
    if (setup_prepare(&setup, options, errp) && sig_open(signals, &params.take_signal_fd, errp))
        agent = agent_open(&params, errp);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    if (agent)
        *out_status = agent_free(agent);
    if (agent || !setup.is_adopting) /* a machine that could not be taken over still runs */
        setup_unlock_disks(&setup);
    setup_done(&setup);
    if (uv_loop_close(&loop) != 0)
        log_error("handles are left on the loop");
    return agent != NULL;
}

int main(int argc, char **argv)
{
    struct options options;
    auto_err struct err *err = NULL;
    int pid_fd = -1, status = 1;
    bool ok;

    log_setup(LOG_DEBUG, LOG_FORMAT_JSON);
    log_set_sync(true);
    sig_ignore_pipe();
    ok = options_parse(&options, argv, &err);
    if (ok && options.debug)
        log_set_level(LOG_TRACE);
    ok = ok && acquire_pid_file(options.pid_path, &pid_fd, &err);
    if (ok) {
        raise_fd_limit();
        ok = run(&options, &status, &err);
        if (options.pid_path)
            pidfile_release(options.pid_path, pid_fd);
    }
    if (ok)
        return status;
    if (err_hint_text(err))
        log_at(LOG_FATAL, "%s (hint: %s)", err_text(err), err_hint_text(err));
    else
        log_at(LOG_FATAL, "%s", err_text(err));
    return 1;
}
