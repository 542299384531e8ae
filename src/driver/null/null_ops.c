/*
 * No virtual machine at all: the life cycle without the machine, for tests and as the smallest
 * example of a driver. A sleeping child process stands for the machine, so that pid files, kill -9
 * and adoption are real. Its pid file is locked by the child, as QEMU does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "driver/driver_ops.h"
#include "driver/machine_process.h"
#include "driver/null/null_options.h"
#include "svc/loop/timer.h"
#include "sys/file.h"
#include "sys/pidfile.h"

enum {
    STOP_DEADLINE_MS = 3 * 60 * 1000,
    PID_FD = 3, /* in the child */
};

/* What the delay is before. */
enum step { STEP_NONE, STEP_BOOT, STEP_CRASH, STEP_STOP };

struct null_machine {
    struct driver *d;
    struct null_behaviour behaviour;
    char *pid_path;
    struct machine_process *process; /* NULL when there is none */
    struct timer *delay;
    struct timer *deadline; /* of a stop */
    enum step step;
    bool stop_wanted, kill_wanted, crash_wanted;
};

static struct null_machine *null_of(const struct driver *d)
{
    return d->priv;
}

static void null_signal(const struct null_machine *n, int signum)
{
    if (n->process)
        machine_process_signal(n->process, signum);
}

static void null_process_ended(void *arg, int status)
{
    struct null_machine *n = arg;
    enum driver_exit kind = DRIVER_EXIT_FAILED;
    struct err *err = NULL;

    machine_process_close(n->process);
    n->process = NULL;
    timer_stop(n->delay);
    timer_stop(n->deadline);
    if (!file_remove(n->pid_path, NULL))
        log_debug("cannot remove %s", n->pid_path);
    if (n->crash_wanted)
        (void)err_set(&err, ERR_CHILD, "the machine crashed because vmOpts.null.failAt says so");
    else if (n->kill_wanted)
        kind = DRIVER_EXIT_KILLED;
    else if (n->stop_wanted)
        kind = DRIVER_EXIT_STOPPED;
    else
        (void)err_set(&err, ERR_CHILD, "the machine's process was ended by somebody else");
    driver_report_exited(n->d, kind, err);
}

static void null_started(struct null_machine *n)
{
    if (n->behaviour.fail_at == NULL_FAIL_RUN) {
        n->step = STEP_CRASH;
        timer_set(n->delay, n->behaviour.delay_ms);
    }
    driver_report_started(n->d);
}

static void null_delay_passed(void *arg)
{
    struct null_machine *n = arg;
    enum step step = n->step;

    n->step = STEP_NONE;
    if (step == STEP_STOP) {
        null_signal(n, SIGTERM);
    } else if (step == STEP_CRASH ||
               (step == STEP_BOOT && n->behaviour.fail_at == NULL_FAIL_BOOT)) {
        n->crash_wanted = true;
        null_signal(n, SIGKILL);
    } else if (step == STEP_BOOT) {
        null_started(n);
    }
}

static void null_deadline_passed(void *arg)
{
    struct null_machine *n = arg;

    n->kill_wanted = true;
    null_signal(n, SIGKILL);
}

static bool null_open(struct driver *d, struct err **errp)
{
    struct null_machine *n = null_of(d);

    n->d = d;
    if (!null_options_load(d->params.inst.config, &n->behaviour, errp))
        return false;
    n->pid_path = path_join(d->params.inst.dir, d->ops->type->pid_name);
    n->delay = timer_open(d->params.loop, null_delay_passed, n);
    n->deadline = timer_open(d->params.loop, null_deadline_passed, n);
    return true;
}

/* An open file description whose lock the child inherits, and keeps as long as it lives. */
static bool null_lock_pid_file(const char *path, int *out_fd, struct err **errp)
{
    auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create %s", path);
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
        return err_set(errp, ERR_BUSY, "%s belongs to a running machine", path);
    if (ftruncate(fd, 0) < 0)
        return err_set_os(errp, errno, "cannot write %s", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

static bool null_spawn(struct null_machine *n, struct err **errp)
{
    auto_fd int pid_fd = -1;
    auto_cmd struct cmd cmd = {
        .in = CMD_TO_NULL,
        .out = CMD_TO_NULL,
        .err = CMD_TO_NULL,
        .flags = CMD_OWN_SESSION,
    };
    struct proc proc = PROC_NONE;
    auto_mem char *text = NULL;

    if (!null_lock_pid_file(n->pid_path, &pid_fd, errp))
        return false;
    strv_push_list(&cmd.argv, "sleep", "2147483647", NULL);
    cmd_pass_fd(&cmd, pid_fd, PID_FD);
    if (!cmd_start(&cmd, &proc, errp))
        return false;
    text = mem_printf("%d\n", (int)proc.pid);
    n->process = machine_process_watch(n->d->params.loop, proc, null_process_ended, n, errp);
    return n->process && file_write_fd(pid_fd, n->pid_path, sv_of(text), errp);
}

static bool null_start(struct driver *d, struct err **errp)
{
    struct null_machine *n = null_of(d);

    if (n->behaviour.fail_at == NULL_FAIL_START)
        return err_set(errp, ERR_CHILD,
                       "the machine does not start because vmOpts.null.failAt says so");
    if (!null_spawn(n, errp)) {
        null_signal(n, SIGKILL);
        machine_process_close(n->process);
        n->process = NULL;
        return false;
    }
    n->step = STEP_BOOT;
    timer_set(n->delay, n->behaviour.delay_ms);
    return true;
}

static bool null_adopt(struct driver *d, struct err **errp)
{
    struct null_machine *n = null_of(d);

    n->process = machine_process_find(d->params.loop, n->pid_path, null_process_ended, n, errp);
    if (!n->process)
        return false;
    n->step = STEP_BOOT;
    timer_set(n->delay, 0);
    return true;
}

static bool null_stop(struct driver *d, struct err **errp)
{
    struct null_machine *n = null_of(d);

    n->stop_wanted = true;
    timer_set(n->deadline, driver_stop_deadline_ms(d, STOP_DEADLINE_MS));
    if (n->behaviour.fail_at != NULL_FAIL_STOP) {
        n->step = STEP_STOP;
        timer_set(n->delay, n->behaviour.delay_ms);
    }
    return true;
}

static void null_kill(struct driver *d)
{
    struct null_machine *n = null_of(d);

    n->kill_wanted = true;
    null_signal(n, SIGKILL);
}

static void null_close(struct driver *d)
{
    struct null_machine *n = null_of(d);

    machine_process_close(n->process);
    timer_close(n->delay);
    timer_close(n->deadline);
    free(n->pid_path);
    driver_report_closed(d);
}

static struct driver_link null_link(const struct driver *d)
{
    return (struct driver_link){ .kind = DRIVER_LINK_NONE };
}

static pid_t null_pid(const struct driver *d)
{
    const struct null_machine *n = null_of(d);

    return n->process ? machine_process_pid(n->process) : 0;
}

extern const struct driver_type null_driver_type;

const struct driver_ops null_driver_ops = {
    .type = &null_driver_type,
    .priv_size = sizeof(struct null_machine),
    .open = null_open,
    .start = null_start,
    .adopt = null_adopt,
    .stop = null_stop,
    .kill = null_kill,
    .close = null_close,
    .link = null_link,
    .pid = null_pid,
};
