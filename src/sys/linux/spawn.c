/*
 * Spawning: clone() with shared memory and a stack of its own for the child, the parent stands
 * still until the program runs (as posix_spawn() does it, which cannot pass a pidfd, a death signal
 * or a working directory). A failure of the child's preparations comes back through shared memory.
 */
#include "sys/spawn_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/sys_priv.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum { SPAWN_STACK = 64 * 1024, SPAWN_FD_SCAN_MAX = 65536 };

static bool env_is_replaced(const struct cmd *cmd, const char *entry)
{
    const char *equals = strchr(entry, '=');
    size_t len = equals ? (size_t)(equals - entry) : strlen(entry);

    for (size_t i = 0; i < cmd->env_remove.n; i++)
        if (strlen(cmd->env_remove.v[i]) == len && strncmp(cmd->env_remove.v[i], entry, len) == 0)
            return true;
    for (size_t i = 0; i < cmd->env.n; i++)
        if (strncmp(cmd->env.v[i], entry, len) == 0 && cmd->env.v[i][len] == '=')
            return true;
    return false;
}

static void env_build(const struct cmd *cmd, struct strv *out)
{
    if (!(cmd->flags & CMD_CLEAR_ENV))
        for (char **entry = environ; entry && *entry; entry++)
            if (!env_is_replaced(cmd, *entry))
                strv_push(out, *entry);
    strv_extend(out, &cmd->env);
}

static int fd_scan_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > SPAWN_FD_SCAN_MAX)
        return SPAWN_FD_SCAN_MAX;
    return (int)limit.rlim_cur;
}

bool spawn_plan_init(struct spawn_plan *plan, const struct cmd *cmd, const int std_fds[3],
                     struct err **errp)
{
    *plan = (struct spawn_plan){ 0 };
    if (cmd->argv.n == 0)
        return err_set(errp, ERR_INTERNAL, "a command without a program");
    if (!proc_find_program(cmd->argv.v[0], &plan->path, errp))
        return false;
    env_build(cmd, &plan->env);
    plan->argv = strv_array(&cmd->argv);
    plan->cwd = cmd->cwd;
    plan->flags = cmd->flags;
    plan->parent = getpid();
    plan->max_fd = fd_scan_limit();
    plan->moves = mem_array(3 + cmd->fds.n, sizeof(plan->moves[0]));
    plan->max_target = 2;
    for (int i = 0; i < 3; i++)
        plan->moves[plan->n_moves++] = (struct spawn_move){ std_fds[i], i };
    for (size_t i = 0; i < cmd->fds.n; i++) {
        plan->moves[plan->n_moves++] = (struct spawn_move){ cmd->fds.v[i].fd, cmd->fds.v[i].target };
        if (cmd->fds.v[i].target > plan->max_target)
            plan->max_target = cmd->fds.v[i].target;
    }
    return true;
}

void spawn_plan_done(struct spawn_plan *plan)
{
    free(plan->path);
    free(plan->moves);
    strv_done(&plan->env);
    *plan = (struct spawn_plan){ 0 };
}

bool spawn_failed(const struct spawn_plan *plan, struct err **errp)
{
    return sys_fail(errp, plan->errnum, "cannot run %s: %s", plan->path, plan->step);
}

/* --- In the child: system calls only. --- */

static bool child_fails(struct spawn_plan *plan, const char *step)
{
    plan->errnum = errno;
    plan->step = step;
    return false;
}

/* Handlers would run in our parent's memory; the program expects defaults. */
static void child_reset_signals(void)
{
    struct sigaction action;
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++) {
        if (sigaction(sig, NULL, &action) < 0)
            continue;
        if (action.sa_handler == SIG_DFL || (action.sa_handler == SIG_IGN && sig != SIGPIPE))
            continue;
        action.sa_handler = SIG_DFL;
        action.sa_flags = 0;
        (void)sigaction(sig, &action, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool child_place_fds(struct spawn_plan *plan)
{
    /* Sources out of the way of the targets first: they may overlap. */
    for (size_t i = 0; i < plan->n_moves; i++) {
        int raised = fcntl(plan->moves[i].fd, F_DUPFD_CLOEXEC, plan->max_target + 1);

        if (raised < 0)
            return child_fails(plan, "duplicating a descriptor");
        plan->moves[i].fd = raised;
    }
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        for (int fd = 3; fd < plan->max_fd; fd++)
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < plan->n_moves; i++)
        if (dup2(plan->moves[i].fd, plan->moves[i].target) < 0)
            return child_fails(plan, "placing a descriptor");
    return true;
}

static bool child_prepare(struct spawn_plan *plan)
{
    if ((plan->flags & CMD_OWN_SESSION) && setsid() < 0)
        return child_fails(plan, "making a session");
    if ((plan->flags & CMD_OWN_GROUP) && !(plan->flags & CMD_OWN_SESSION) && setpgid(0, 0) < 0)
        return child_fails(plan, "making a process group");
    if (plan->flags & CMD_DIES_WITH_PARENT) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            return child_fails(plan, "setting the death signal");
        if (getppid() != plan->parent) {
            errno = ESRCH; /* it died before prctl() */
            return child_fails(plan, "finding the parent");
        }
    }
    if (!child_place_fds(plan))
        return false;
    if (plan->cwd && chdir(plan->cwd) < 0)
        return child_fails(plan, plan->cwd);
    return true;
}

void spawn_become(struct spawn_plan *plan)
{
    if (!child_prepare(plan))
        return;
    child_reset_signals();
    (void)execve(plan->path, plan->argv, strv_array(&plan->env));
    (void)child_fails(plan, "executing it");
}

__attribute__((no_sanitize_address)) static int child_main(void *arg)
{
    spawn_become(arg);
    _exit(127);
}

/* --- Back in the parent. --- */

bool spawn_start(struct spawn_plan *plan, pid_t *out_pid, int *out_pidfd, struct err **errp)
{
    sigset_t all, before;
    int pidfd = -1, errnum;
    pid_t pid;
    char *stack = mmap(NULL, SPAWN_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return sys_fail(errp, errno, "cannot run %s", plan->path);

    /* No handler of ours may run in the child. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    pid = clone(child_main, stack + SPAWN_STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, plan,
                &pidfd);
    errnum = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)munmap(stack, SPAWN_STACK);

    if (pid < 0)
        return sys_fail(errp, errnum, "cannot run %s", plan->path);
    if (plan->errnum) {
        (void)waitpid(pid, NULL, 0);
        if (pidfd >= 0)
            (void)close(pidfd);
        return spawn_failed(plan, errp);
    }
    *out_pid = pid;
    *out_pidfd = pidfd;
    return true;
}
