#include "instance/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "instance/follow.h"
#include "model/store/names.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/tty.h"

#define TIMEOUT_DEFAULT_NS (600LL * 1000000000LL)
#define LAST_WORDS_NS (3ULL * 1000000000ULL)
#define START_LOG_LIMIT (1u << 20) /* bytes */
#define FOREGROUND_NOTE "The host agent runs in the foreground: see its terminal\n"

static void describe(const struct launch *launch, struct cmd *cmd)
{
    strv_push(&cmd->argv, launch->limactl);
    if (launch->debug)
        strv_push(&cmd->argv, "--debug");
    strv_push(&cmd->argv, "hostagent");
    strv_push_list(&cmd->argv, "--pidfile", NULL);
    strv_push_take(&cmd->argv, path_join(launch->dir, NAME_HA_PID));
    strv_push(&cmd->argv, "--socket");
    strv_push_take(&cmd->argv, path_join(launch->dir, NAME_HA_SOCK));
    if (launch->guest_agent)
        strv_push_list(&cmd->argv, "--guestagent", launch->guest_agent, NULL);
    if (launch->nerdctl_archive)
        strv_push_list(&cmd->argv, "--nerdctl-archive", launch->nerdctl_archive, NULL);
    if (launch->cloud_init)
        strv_push(&cmd->argv, "--progress");
    strv_push(&cmd->argv, launch->name);
}

/* A new, empty log: followers of the old one keep their own file. */
static bool recreate_log(const char *dir, const char *name, int *out_fd, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);

    if (!file_remove(path, errp))
        return false;
    *out_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (*out_fd < 0)
        return err_set_os(errp, errno, "cannot create %s", path);
    return true;
}

bool launch_spawn(const struct launch *launch, struct launch_agent *out, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .flags = CMD_OWN_GROUP };
    auto_fd int events_fd = -1;
    auto_fd int lines_fd = -1;

    if (!recreate_log(launch->dir, NAME_HA_STDOUT_LOG, &events_fd, errp) ||
        !recreate_log(launch->dir, NAME_HA_STDERR_LOG, &lines_fd, errp))
        return false;
    describe(launch, &cmd);
    cmd.out = CMD_TO_FD(events_fd);
    cmd.err = CMD_TO_FD(lines_fd);
    out->begin_ns = host_realtime_ns();
    out->is_child = true;
    return cmd_start(&cmd, &out->proc, errp) || err_wrap(errp, "starting the host agent");
}

bool launch_attach(const struct launch *launch, pid_t pid, struct launch_agent *out,
                   struct err **errp)
{
    out->begin_ns = 0;
    out->is_child = false;
    out->proc.pid = pid;
    return proc_open(pid, &out->proc.pidfd, errp) || err_wrap(errp, "the host agent is gone");
}

void launch_agent_done(struct launch_agent *agent)
{
    proc_done(&agent->proc);
}

bool launch_is_waiting(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_HA_STDOUT_LOG);
    auto_sb struct sb text = { 0 };
    struct sv rest, line;

    /* A log that cannot be read, or is that long, is not one of a start. */
    if (!file_read_all(path, START_LOG_LIMIT, &text, NULL))
        return false;
    rest = sb_view(&text);
    if (sv_starts(rest, SV(FOREGROUND_NOTE)))
        return false;
    while (sv_next_line(&rest, &line)) {
        struct event event;
        bool running = event_decode(line, &event, NULL) && event.running;

        event_done(&event);
        if (running)
            return false;
    }
    return true;
}

bool launch_foreground(const struct launch *launch, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_fd int events_fd = -1;
    auto_fd int lines_fd = -1;

    if (!recreate_log(launch->dir, NAME_HA_STDOUT_LOG, &events_fd, errp) ||
        !recreate_log(launch->dir, NAME_HA_STDERR_LOG, &lines_fd, errp))
        return false;
    describe(launch, &cmd);
    if (tty_is(STDIN_FILENO)) {
        if (!file_write_fd(events_fd, NAME_HA_STDOUT_LOG, SV(FOREGROUND_NOTE), errp) ||
            !file_write_fd(lines_fd, NAME_HA_STDERR_LOG, SV(FOREGROUND_NOTE), errp))
            return false;
    } else {
        cmd.out = CMD_TO_FD(events_fd);
        cmd.err = CMD_TO_FD(lines_fd);
    }
    return cmd_exec(&cmd, errp);
}

/*
 * Waiting.
 */

struct wait_state {
    bool told_port;
    bool running;        /* and only cloud-init is missing */
    bool cloud_init_done;
};

static bool take_event(const struct launch *launch, struct wait_state *state,
                       const struct event *event, struct err **errp)
{
    if (!state->told_port && event->ssh_port > 0) {
        state->told_port = true;
        progress_note(launch->progress, LOG_INFO, "SSH Local Port: %lld", (long long)event->ssh_port);
    }
    if (event->errors.n > 0) {
        auto_mem char *list = strv_join(&event->errors, ", ");

        progress_note(launch->progress, LOG_ERROR, "%s", list);
    }
    if (launch->cloud_init && event->has_progress) {
        if (event->progress_line && event->progress_line[0])
            progress_note(launch->progress, LOG_INFO, "[cloud-init] %s", event->progress_line);
        state->cloud_init_done = state->cloud_init_done || event->progress_completed;
    }
    if (event->exiting)
        return err_set(errp, ERR_CHILD, "exiting, status=exiting (hint: see \"%s/ha.stderr.log\")",
                       launch->dir);
    if (event->running && event->degraded) {
        progress_note(launch->progress, LOG_WARN,
                      "DEGRADED. The VM seems running, but some of its features may not work. "
                      "(hint: see \"%s/serial*.log\")", launch->dir);
        return err_set(errp, ERR_CHILD, "degraded, status=running");
    }
    state->running = state->running || event->running;
    return true;
}

static bool report_death(const struct launch *launch, struct launch_agent *agent, struct err **errp)
{
    int status = 0;

    if (!agent->is_child)
        return err_set(errp, ERR_CHILD,
                       "host agent process has exited (hint: see \"%s/ha.stderr.log\")", launch->dir);
    if (!proc_wait(&agent->proc, -1, &status, errp))
        return false;
    if (status > 128)
        return err_set(errp, ERR_CHILD,
                       "host agent process has exited: killed by signal %d (hint: see "
                       "\"%s/ha.stderr.log\")", status - 128, launch->dir);
    return err_set(errp, ERR_CHILD,
                   "host agent process has exited: exit status %d (hint: see \"%s/ha.stderr.log\")",
                   status, launch->dir);
}

/* A host agent that said that it goes explains itself at its very end. */
static void repeat_last_words(struct follow *follow, const struct launch_agent *agent)
{
    uint64_t deadline_ns = host_monotonic_ns() + LAST_WORDS_NS;
    struct event event;

    while (follow_next(follow, deadline_ns, agent->proc.pidfd, &event, NULL) == FOLLOW_EVENT)
        event_done(&event);
}

bool launch_wait(const struct launch *launch, struct launch_agent *agent, struct err **errp)
{
    auto_follow struct follow *follow = follow_new(launch->dir, agent->begin_ns, errp);
    int64_t timeout_ns = launch->timeout_ns > 0 ? launch->timeout_ns : TIMEOUT_DEFAULT_NS;
    uint64_t deadline_ns = host_monotonic_ns() + (uint64_t)timeout_ns;
    struct wait_state state = { 0 };

    if (!follow)
        return false;
    while (!state.running || (launch->cloud_init && !state.cloud_init_done)) {
        struct event event;
        bool ok, exiting;

        switch (follow_next(follow, deadline_ns, agent->proc.pidfd, &event, errp)) {
        case FOLLOW_EVENT:
            ok = take_event(launch, &state, &event, errp);
            exiting = event.exiting;
            event_done(&event);
            if (exiting)
                repeat_last_words(follow, agent);
            if (!ok)
                return false;
            break;
        case FOLLOW_TIMEOUT:
            return err_set(errp, ERR_TIMEOUT, "did not receive an event with the `running` status") ||
                   err_hint(errp, "see \"%s/ha.stderr.log\" and \"%s/serial.log\"", launch->dir,
                            launch->dir);
        case FOLLOW_WOKEN:
            return report_death(launch, agent, errp);
        case FOLLOW_FAILED:
            return false;
        }
    }
    return true;
}
