#include "instance/stop.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "instance/follow.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/pidfile.h"
#include "sys/proc.h"

#define EXITING_TIMEOUT_NS (190ULL * 1000000000ULL)
#define STOPPED_TIMEOUT_MS (180 * 1000)
/* A killed process ends when the kernel has let go of its memory and files. */
#define KILLED_TIMEOUT_MS (60 * 1000)

/* A live process named by a pid file, held. */
static bool hold(const char *path, struct proc *out)
{
    pid_t pid;

    *out = PROC_NONE;
    if (pidfile_probe(path, &pid) != PIDFILE_LIVE || !proc_open(pid, &out->pidfd, NULL))
        return false;
    out->pid = pid;
    /* The id could have been used again between the two calls. */
    if (pidfile_probe(path, &pid) == PIDFILE_LIVE && pid == out->pid)
        return true;
    proc_done(out);
    *out = PROC_NONE;
    return false;
}

static bool await_exiting(const struct stop *stop, struct follow *follow, const struct proc *agent,
                          struct err **errp)
{
    uint64_t deadline_ns = host_monotonic_ns() + EXITING_TIMEOUT_NS;
    bool exiting = false;

    while (!exiting) {
        struct event event;

        switch (follow_next(follow, deadline_ns, agent->pidfd, &event, errp)) {
        case FOLLOW_EVENT:
            exiting = event.exiting;
            event_done(&event);
            break;
        case FOLLOW_TIMEOUT:
            return err_set(errp, ERR_TIMEOUT, "did not receive an event with the `exiting` status") ||
                   err_hint(errp, "use `limactl stop -f %s` to stop it by force", stop->name);
        case FOLLOW_WOKEN:
            return true; /* it is gone, with or without a word */
        case FOLLOW_FAILED:
            return false;
        }
    }
    return true;
}

static bool await_end(const struct stop *stop, struct proc *proc, struct err **errp)
{
    if (proc->pid < 0 || proc_wait_pidfd(proc->pidfd, STOPPED_TIMEOUT_MS))
        return true;
    return err_set(errp, ERR_TIMEOUT, "timed out waiting for instance to shut down after 3 minutes") ||
           err_hint(errp, "use `limactl stop -f %s` to stop it by force", stop->name);
}

static bool stop_agent(const struct stop *stop, struct proc *agent, struct proc *machine,
                       struct err **errp)
{
    auto_follow struct follow *follow = follow_new(stop->dir, host_realtime_ns(), errp);

    if (!follow)
        return false;
    progress_note(stop->progress, LOG_INFO, "Sending SIGINT to hostagent process %d", (int)agent->pid);
    (void)proc_signal(agent, SIGINT); /* when it is gone already, so much the better */
    progress_note(stop->progress, LOG_INFO,
                  "Waiting for hostagent and driver processes to shut down");
    return await_exiting(stop, follow, agent, errp) && await_end(stop, agent, errp) &&
           await_end(stop, machine, errp);
}

bool stop_graceful(const struct stop *stop, struct err **errp)
{
    auto_mem char *agent_path = path_join(stop->dir, NAME_HA_PID);
    auto_mem char *machine_path = path_join(stop->dir, stop->driver_pid_name ? stop->driver_pid_name
                                                                             : NAME_HA_PID);
    struct proc agent, machine;
    bool ok;

    if (!hold(agent_path, &agent))
        return err_set(errp, ERR_NOT_FOUND, "the host agent of instance `%s` is not running", stop->name);
    (void)hold(machine_path, &machine);
    ok = stop_agent(stop, &agent, &machine, errp);
    proc_done(&agent);
    proc_done(&machine);
    return ok;
}

/*
 * By force.
 */

static bool is_leftover(const char *name)
{
    return str_ends(name, NAME_PID_SUFFIX) || str_ends(name, NAME_SOCK_SUFFIX) ||
           str_ends(name, NAME_TMP_SUFFIX);
}

/* Kills the process of one pid file, if there is one. */
static bool kill_holder(const struct stop *stop, const char *name, const char *what,
                        struct err **errp)
{
    auto_mem char *path = path_join(stop->dir, name);
    struct proc proc;
    bool gone;

    if (!hold(path, &proc)) {
        progress_note(stop->progress, LOG_INFO, "The %s process seems already stopped", what);
        return true;
    }
    progress_note(stop->progress, LOG_INFO, "Sending SIGKILL to the %s process %d", what,
                  (int)proc.pid);
    (void)proc_signal(&proc, SIGKILL);
    gone = proc_wait_pidfd(proc.pidfd, KILLED_TIMEOUT_MS);
    if (!gone)
        err_set(errp, ERR_TIMEOUT, "the %s process %d does not end although it was killed", what,
                (int)proc.pid);
    proc_done(&proc);
    return gone;
}

static bool kill_others(const struct stop *stop, const struct strv *names, struct err **errp)
{
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->v[i];
        bool is_machine = str_eq(name, stop->driver_pid_name);

        if (!str_ends(name, NAME_PID_SUFFIX) || strcmp(name, NAME_HA_PID) == 0 || is_machine)
            continue;
        auto_mem char *what = mem_strndup(name, strlen(name) - strlen(NAME_PID_SUFFIX));

        if (!kill_holder(stop, name, what, errp))
            return false;
    }
    return true;
}

bool stop_forced(const struct stop *stop, struct err **errp)
{
    auto_mem char *machine = mem_printf("%s driver", stop->driver);
    auto_strv struct strv names = { 0 };
    auto_strv struct strv leftovers = { 0 };

    /* The host agent first: it may be about to start the machine. */
    if (!kill_holder(stop, NAME_HA_PID, "host agent", errp))
        return false;
    if (stop->driver_pid_name && !kill_holder(stop, stop->driver_pid_name, machine, errp))
        return false;
    if (!dir_list(stop->dir, &names, errp) || !kill_others(stop, &names, errp))
        return false;

    /* Listed again: the dying processes may have removed theirs. */
    progress_note(stop->progress, LOG_INFO, "Removing *.pid *.sock *.tmp under \"%s\"", stop->dir);
    if (!dir_list(stop->dir, &leftovers, errp))
        return false;
    for (size_t i = 0; i < leftovers.n; i++) {
        auto_mem char *path = path_join(stop->dir, leftovers.v[i]);

        if (is_leftover(leftovers.v[i]) && !dir_exists(path) && !file_remove(path, errp))
            return false;
    }
    return true;
}
