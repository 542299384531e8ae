#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/spawn_priv.h"
#include "sys/sys_priv.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum {
    PROC_POLL_MS = 20,        /* only on kernels without pidfds */
    PROC_TAIL_MAX = 1024,     /* of stderr, in an error */
    PROC_DRAIN_CHUNK = 16384,
};

void cmd_pass_fd(struct cmd *cmd, int fd, int target)
{
    *vec_push(&cmd->fds) = (struct cmd_fd){ .fd = fd, .target = target };
}

void cmd_done(struct cmd *cmd)
{
    strv_done(&cmd->argv);
    strv_done(&cmd->env);
    strv_done(&cmd->env_remove);
    vec_done(&cmd->fds);
    *cmd = (struct cmd){ 0 };
}

void cmd_result_done(struct cmd_result *res)
{
    sb_done(&res->out);
    sb_done(&res->err);
    *res = (struct cmd_result){ 0 };
}

/* --- The standard streams of a child --- */

/* For one stream: the child's end, whether it is to be closed afterwards, and our end of a pipe. */
struct stream_ends {
    int child_fd;
    bool owned;
    int our_fd;
};
#define STREAM_ENDS_NONE ((struct stream_ends){ -1, false, -1 })

static void stream_ends_done(struct stream_ends *ends)
{
    if (ends->owned)
        (void)close(ends->child_fd);
    if (ends->our_fd >= 0)
        (void)close(ends->our_fd);
    *ends = STREAM_ENDS_NONE;
}

static bool stream_open_text(struct sv text, struct stream_ends *ends, struct err **errp)
{
    auto_fd int fd = memfd_create("input", MFD_CLOEXEC);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot create a memory file");
    if (!file_write_fd(fd, "a memory file", text, errp))
        return false;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return sys_fail(errp, errno, "cannot rewind a memory file");
    *ends = (struct stream_ends){ MOVE_FD(fd), true, -1 };
    return true;
}

static bool stream_open_pipe(int number, struct stream_ends *ends, struct err **errp)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return sys_fail(errp, errno, "cannot create a pipe");
    *ends = number == 0 ? (struct stream_ends){ fds[0], true, fds[1] }
                        : (struct stream_ends){ fds[1], true, fds[0] };
    return true;
}

static bool stream_open(const struct cmd_stream *stream, int number, struct stream_ends *ends,
                        struct err **errp)
{
    int fd;

    switch (stream->kind) {
    case CMD_STREAM_INHERIT:
        if (fcntl(number, F_GETFD) >= 0) {
            *ends = (struct stream_ends){ number, false, -1 };
            return true;
        }
        /* fallthrough: ours is closed, the child shall not find a stranger there */
        __attribute__((fallthrough));
    case CMD_STREAM_NULL:
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return sys_fail(errp, errno, "cannot open /dev/null");
        *ends = (struct stream_ends){ fd, true, -1 };
        return true;
    case CMD_STREAM_FD:
        *ends = (struct stream_ends){ stream->fd, false, -1 };
        return true;
    case CMD_STREAM_PIPE:
        return stream_open_pipe(number, ends, errp);
    case CMD_STREAM_TEXT:
        return stream_open_text(stream->text, ends, errp);
    case CMD_STREAM_OUT:
        break; /* known once out is open */
    }
    return true;
}

static bool streams_open(const struct cmd *cmd, struct stream_ends ends[3], struct err **errp)
{
    if (!stream_open(&cmd->in, 0, &ends[0], errp) || !stream_open(&cmd->out, 1, &ends[1], errp) ||
        !stream_open(&cmd->err, 2, &ends[2], errp))
        return false;
    if (cmd->err.kind == CMD_STREAM_OUT)
        ends[2] = (struct stream_ends){ ends[1].child_fd, false, -1 };
    return true;
}

/* --- Starting --- */

bool cmd_start(const struct cmd *cmd, struct proc *out, struct err **errp)
{
    struct stream_ends ends[3] = { STREAM_ENDS_NONE, STREAM_ENDS_NONE, STREAM_ENDS_NONE };
    auto_spawn_plan struct spawn_plan plan = { 0 };
    struct proc proc = PROC_NONE;
    bool ok = streams_open(cmd, ends, errp);

    if (ok) {
        int std_fds[3] = { ends[0].child_fd, ends[1].child_fd, ends[2].child_fd };

        ok = spawn_plan_init(&plan, cmd, std_fds, errp) &&
             spawn_start(&plan, &proc.pid, &proc.pidfd, errp);
    }
    if (ok) {
        proc.in_fd = MOVE_FD(ends[0].our_fd);
        proc.out_fd = MOVE_FD(ends[1].our_fd);
        proc.err_fd = MOVE_FD(ends[2].our_fd);
        *out = proc;
    }
    for (int i = 0; i < 3; i++)
        stream_ends_done(&ends[i]);
    return ok;
}

bool cmd_exec(const struct cmd *cmd, struct err **errp)
{
    struct stream_ends ends[3] = { STREAM_ENDS_NONE, STREAM_ENDS_NONE, STREAM_ENDS_NONE };
    auto_spawn_plan struct spawn_plan plan = { 0 };

    if (streams_open(cmd, ends, errp)) {
        int std_fds[3] = { ends[0].child_fd, ends[1].child_fd, ends[2].child_fd };

        if (spawn_plan_init(&plan, cmd, std_fds, errp)) {
            spawn_become(&plan);
            (void)spawn_failed(&plan, errp);
        }
    }
    for (int i = 0; i < 3; i++)
        stream_ends_done(&ends[i]);
    return false;
}

/* --- Waiting --- */

int proc_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void proc_done(struct proc *proc)
{
    int *fds[] = { &proc->pidfd, &proc->in_fd, &proc->out_fd, &proc->err_fd };

    for (size_t i = 0; i < COUNT(fds); i++) {
        if (*fds[i] >= 0)
            (void)close(*fds[i]);
        *fds[i] = -1;
    }
}

/* 1: reaped, 0: still runs, -1: errno. */
static int proc_reap(struct proc *proc, int *out_status)
{
    int wait_status;
    pid_t pid;

    do
        pid = waitpid(proc->pid, &wait_status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid <= 0)
        return (int)pid;
    *out_status = proc_status(wait_status);
    return 1;
}

static int left_ms(uint64_t deadline_ns)
{
    uint64_t now = host_monotonic_ns();

    return now >= deadline_ns ? 0 : (int)((deadline_ns - now + 999999) / 1000000);
}

static uint64_t deadline_after(unsigned ms)
{
    return host_monotonic_ns() + (uint64_t)ms * 1000000;
}

bool proc_wait(struct proc *proc, int timeout_ms, int *out_status, struct err **errp)
{
    uint64_t deadline = timeout_ms > 0 ? deadline_after((unsigned)timeout_ms) : 0;

    for (;;) {
        struct pollfd fd = { .fd = proc->pidfd, .events = POLLIN };
        int reaped = proc_reap(proc, out_status);
        int wait_ms = timeout_ms > 0 ? left_ms(deadline) : timeout_ms;

        if (reaped > 0)
            return true;
        if (reaped < 0)
            return sys_fail(errp, errno, "cannot wait for process %d", (int)proc->pid);
        if (wait_ms == 0)
            return err_set(errp, ERR_TIMEOUT, "process %d is still running", (int)proc->pid);
        if (proc->pidfd < 0 && (wait_ms < 0 || wait_ms > PROC_POLL_MS))
            wait_ms = PROC_POLL_MS;
        (void)poll(&fd, 1, wait_ms);
    }
}

bool proc_signal(const struct proc *proc, int signum)
{
    if (proc->pidfd >= 0)
        return syscall(SYS_pidfd_send_signal, proc->pidfd, signum, NULL, 0) == 0;
    return kill(proc->pid, signum) == 0;
}

bool proc_signal_group(const struct proc *proc, int signum)
{
    return kill(-proc->pid, signum) == 0;
}

/* --- Running to the end --- */

/* Takes what the pipe has; closes it at its end. */
static void drain(int *fd, struct sb *out, size_t limit)
{
    char buf[PROC_DRAIN_CHUNK];

    while (*fd >= 0) {
        ssize_t n = read(*fd, buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            (void)close(*fd);
            *fd = -1;
            return;
        }
        if (out->n < limit)
            sb_put_mem(out, buf, (size_t)n < limit - out->n ? (size_t)n : limit - out->n);
    }
}

static void set_nonblocking(int fd)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* Collects output until the process is reaped. False: the deadline passed. */
static bool proc_collect(struct proc *proc, const struct cmd *cmd, struct cmd_result *res,
                         uint64_t deadline)
{
    for (;;) {
        struct pollfd fds[3] = {
            { .fd = proc->pidfd, .events = POLLIN },
            { .fd = proc->out_fd, .events = POLLIN },
            { .fd = proc->err_fd, .events = POLLIN },
        };
        int wait_ms = deadline ? left_ms(deadline) : -1;
        bool ended = proc_reap(proc, &res->status) != 0;

        /* After the end, what is in the pipes is all there will be: descendants that keep them open
         * are not waited for. */
        drain(&proc->out_fd, &res->out, cmd->out.limit);
        drain(&proc->err_fd, &res->err, cmd->err.limit);
        if (ended)
            return true;
        if (wait_ms == 0)
            return false;
        if (proc->pidfd < 0 && (wait_ms < 0 || wait_ms > PROC_POLL_MS))
            wait_ms = PROC_POLL_MS;
        (void)poll(fds, COUNT(fds), wait_ms);
    }
}

bool cmd_run(const struct cmd *cmd, struct cmd_result *res, struct err **errp)
{
    struct proc proc = PROC_NONE;
    uint64_t deadline = cmd->deadline_ms ? deadline_after(cmd->deadline_ms) : 0;
    bool in_time;

    if (!cmd_start(cmd, &proc, errp))
        return false;
    if (proc.in_fd >= 0) { /* an input PIPE without a writer is an empty input */
        (void)close(proc.in_fd);
        proc.in_fd = -1;
    }
    set_nonblocking(proc.out_fd);
    set_nonblocking(proc.err_fd);
    res->status = 255; /* unless it can be reaped */
    in_time = proc_collect(&proc, cmd, res, deadline);
    if (!in_time) {
        if (cmd->flags & (CMD_OWN_GROUP | CMD_OWN_SESSION))
            (void)proc_signal_group(&proc, SIGKILL);
        (void)proc_signal(&proc, SIGKILL);
        if (!proc_wait(&proc, -1, &res->status, NULL))
            res->status = 128 + SIGKILL;
    }
    proc_done(&proc);
    if (!in_time)
        return err_set(errp, ERR_TIMEOUT, "%s did not end within %u ms", cmd->argv.v[0],
                       cmd->deadline_ms);
    return true;
}

/* The last lines of stderr on one line. */
static char *stderr_tail(struct sv text)
{
    struct sv view = sv_trim(text), line;
    auto_sb struct sb out = { 0 };

    if (view.n > PROC_TAIL_MAX) {
        ptrdiff_t cut;

        view = sv_slice(view, view.n - PROC_TAIL_MAX, view.n);
        cut = sv_find(view, '\n');
        view = sv_slice(view, (size_t)(cut + 1), view.n);
    }
    while (sv_next(&view, '\n', &line)) {
        auto_mem char *printable = quote_printable(sv_trim(line), PROC_TAIL_MAX);

        if (*printable)
            sb_putf(&out, "%s%s", out.n ? "; " : "", printable);
    }
    return sb_steal(&out);
}

bool proc_status_check(const char *name, int status, struct sv stderr_text, struct err **errp)
{
    auto_mem char *tail = stderr_tail(stderr_text);

    if (status == 0)
        return true;
    if (status > 128 && status <= 128 + SIGRTMAX) /* ssh exits with 255 */
        return err_set_child(errp, status, "%s was killed by signal %d%s%s", name, status - 128,
                             *tail ? ": " : "", tail);
    return err_set_child(errp, status, "%s failed with exit status %d%s%s", name, status,
                         *tail ? ": " : "", tail);
}

bool cmd_check(const struct cmd *cmd, struct cmd_result *res, struct err **errp)
{
    auto_cmd_result struct cmd_result own = { 0 };

    if (!res)
        res = &own;
    return cmd_run(cmd, res, errp) &&
           proc_status_check(cmd->argv.v[0], res->status, sb_view(&res->err), errp);
}

/* --- Other processes --- */

bool proc_is_alive(pid_t pid)
{
    auto_mem char *path = mem_printf("/proc/%d/stat", (int)pid);
    auto_mem char *text = NULL;
    const char *after_name;

    if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
        return false;
    if (!file_read_text(path, 4096, &text, NULL))
        return true; /* hidden from us, but there */
    after_name = strrchr(text, ')');
    return !after_name || !str_starts(after_name, ") Z");
}

bool proc_open(pid_t pid, int *out_pidfd, struct err **errp)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0 && (errno == ESRCH || errno == EINVAL))
        return err_set(errp, ERR_NOT_FOUND, "there is no process %d", (int)pid);
    if (fd < 0)
        return sys_fail(errp, errno, "cannot open process %d", (int)pid);
    *out_pidfd = (int)fd;
    return true;
}

bool proc_wait_pidfd(int pidfd, int timeout_ms)
{
    uint64_t deadline = timeout_ms > 0 ? deadline_after((unsigned)timeout_ms) : 0;
    int n;

    do {
        struct pollfd fd = { .fd = pidfd, .events = POLLIN };

        n = poll(&fd, 1, timeout_ms > 0 ? left_ms(deadline) : timeout_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool proc_find_program(const char *name, char **out_path, struct err **errp)
{
    struct sv dirs = sv_of(getenv("PATH")), dir;

    if (strchr(name, '/')) {
        if (!file_exists(name))
            return err_set(errp, ERR_NOT_FOUND, "there is no program %s", name);
        *out_path = mem_strdup(name);
        return true;
    }
    while (sv_next(&dirs, ':', &dir)) {
        auto_mem char *path = mem_printf("%.*s/%s", SV_ARG(dir), name);

        if (dir.n && is_program(path)) {
            *out_path = MOVE(path);
            return true;
        }
    }
    return err_set(errp, ERR_NOT_FOUND, "the program %s is not in PATH", name);
}
