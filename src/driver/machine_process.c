#include "driver/machine_process.h"

#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "svc/loop/watch.h"
#include "sys/pidfile.h"

struct machine_process {
    struct proc proc;
    struct watch *watch; /* owns the pidfd */
    bool is_child;
    machine_process_fn on_exit;
    void *arg;
};

static void process_ended(void *arg)
{
    struct machine_process *p = arg;
    int status = -1;

    if (p->is_child && !proc_wait(&p->proc, 0, &status, NULL))
        return;
    watch_close(p->watch);
    p->watch = NULL;
    p->proc.pidfd = -1;
    p->on_exit(p->arg, status);
}

static struct machine_process *process_open(struct uv_loop_s *loop, struct proc proc, bool is_child,
                                            machine_process_fn on_exit, void *arg,
                                            struct err **errp)
{
    struct machine_process *p = mem_new(struct machine_process);

    *p = (struct machine_process){
        .proc = proc, .is_child = is_child, .on_exit = on_exit, .arg = arg
    };
    p->watch = watch_open(loop, proc.pidfd, process_ended, p, errp);
    if (!p->watch) {
        free(p);
        return NULL;
    }
    return p;
}

struct machine_process *machine_process_watch(struct uv_loop_s *loop, struct proc take_proc,
                                              machine_process_fn on_exit, void *arg,
                                              struct err **errp)
{
    struct machine_process *p = NULL;
    pid_t pid = take_proc.pid;

    if (take_proc.pidfd < 0)
        (void)err_set(errp, ERR_UNSUPPORTED,
                      "this kernel is too old, Linux 5.3 or later is needed");
    else
        p = process_open(loop, take_proc, true, on_exit, arg, errp);
    if (!p)
        (void)kill(pid, SIGKILL);
    return p;
}

struct machine_process *machine_process_find(struct uv_loop_s *loop, const char *pid_path,
                                             machine_process_fn on_exit, void *arg,
                                             struct err **errp)
{
    struct proc proc = PROC_NONE;

    if (pidfile_probe(pid_path, &proc.pid) != PIDFILE_LIVE) {
        (void)err_set(errp, ERR_NOT_FOUND, "%s names no running process", pid_path);
        return NULL;
    }
    if (!proc_open(proc.pid, &proc.pidfd, errp))
        return NULL;
    return process_open(loop, proc, false, on_exit, arg, errp);
}

pid_t machine_process_pid(const struct machine_process *p)
{
    return p->proc.pid;
}

void machine_process_signal(const struct machine_process *p, int signum)
{
    if (p->proc.pidfd >= 0)
        (void)proc_signal(&p->proc, signum);
}

void machine_process_close(struct machine_process *p)
{
    if (!p)
        return;
    watch_close(p->watch);
    free(p);
}
