#include "svc/loop/child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sb.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"

enum { DRAIN_CHUNK = 16 * 1024 };

struct output {
    struct watch *watch; /* NULL when not captured, or at its end */
    struct sb text;
    size_t limit;
    bool by_line;
    bool cutting; /* the rest of a line that was too long */
};

struct child {
    const struct child_events *events; /* NULL once closed */
    void *arg;
    struct proc proc;
    bool own_group;
    bool exited, timed_out;
    unsigned busy; /* callbacks running: closing is put off until they return */
    struct watch *exit_watch;
    struct timer *deadline;
    struct output out, err;
};

static void output_close(struct output *o)
{
    watch_close(o->watch);
    o->watch = NULL;
}

static void child_free(struct child *c)
{
    output_close(&c->out);
    output_close(&c->err);
    watch_close(c->exit_watch);
    timer_close(c->deadline);
    sb_done(&c->out.text);
    sb_done(&c->err.text);
    free(c);
}

/* The owner is gone and nothing is left to wait for. */
static bool child_is_over(const struct child *c)
{
    return !c->events && c->exited && c->busy == 0;
}

/* --- Output --- */

static void emit_line(struct child *c, struct sv line)
{
    if (!c->events)
        return;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    c->events->on_line(c->arg, line);
}

static void take_lines(struct child *c, struct output *o, struct sv bytes)
{
    while (bytes.n > 0) {
        ptrdiff_t end = sv_find(bytes, '\n');
        struct sv part = sv_slice(bytes, 0, end < 0 ? bytes.n : (size_t)end);
        size_t room = o->limit > o->text.n ? o->limit - o->text.n : 0;

        if (!o->cutting)
            sb_put(&o->text, sv_slice(part, 0, room));
        if (part.n > room)
            o->cutting = true;
        if (end < 0)
            return;
        emit_line(c, sb_view(&o->text));
        sb_truncate(&o->text, 0);
        o->cutting = false;
        bytes = sv_slice(bytes, (size_t)end + 1, bytes.n);
    }
}

static void take_bytes(struct child *c, struct output *o, struct sv bytes)
{
    if (o->by_line)
        take_lines(c, o, bytes);
    else if (o->text.n < o->limit)
        sb_put(&o->text, sv_slice(bytes, 0, o->limit - o->text.n));
}

/* Takes what the pipe has. */
static void output_drain(struct child *c, struct output *o)
{
    char buf[DRAIN_CHUNK];

    while (o->watch) {
        ssize_t n = read(watch_fd(o->watch), buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0)
            take_bytes(c, o, (struct sv){ buf, (size_t)n });
        else
            output_close(o);
    }
}

static void output_readable(struct child *c, struct output *o)
{
    c->busy++;
    output_drain(c, o);
    c->busy--;
    if (child_is_over(c))
        child_free(c);
}

static void out_readable(void *arg)
{
    struct child *c = arg;

    output_readable(c, &c->out);
}

static void err_readable(void *arg)
{
    struct child *c = arg;

    output_readable(c, &c->err);
}

/* --- End --- */

static void process_ended(void *arg)
{
    struct child *c = arg;
    struct child_exit exit = { .status = 255 }; /* when somebody else reaped it */
    auto_err struct err *err = NULL;

    if (!proc_wait(&c->proc, 0, &exit.status, &err) && err_kind(err) == ERR_TIMEOUT)
        return; /* a false alarm */
    c->busy++;
    c->exited = true;
    watch_close(c->exit_watch);
    c->exit_watch = NULL;
    c->proc.pidfd = -1;
    timer_stop(c->deadline);
    output_drain(c, &c->out);
    output_drain(c, &c->err);
    if (c->out.by_line && c->out.text.n)
        emit_line(c, sb_view(&c->out.text));
    if (c->events) {
        exit.timed_out = c->timed_out;
        if (!c->out.by_line)
            exit.out = sb_view(&c->out.text);
        exit.err = sb_view(&c->err.text);
        c->events->on_exit(c->arg, &exit);
    }
    c->busy--;
    if (child_is_over(c))
        child_free(c);
}

static void deadline_passed(void *arg)
{
    struct child *c = arg;

    c->timed_out = true;
    child_signal(c, SIGKILL);
}

/* --- Interface --- */

static bool output_open(struct uv_loop_s *loop, int take_fd, const struct cmd_stream *stream,
                        watch_fn on_readable, struct child *c, struct output *o, struct err **errp)
{
    if (take_fd < 0)
        return true;
    o->limit = stream->limit;
    o->watch = watch_open(loop, take_fd, on_readable, c, errp);
    return o->watch != NULL;
}

/* Takes over the descriptors of c->proc. */
static bool child_watch(struct child *c, struct uv_loop_s *loop, const struct cmd *cmd,
                        struct err **errp)
{
    if (c->proc.in_fd >= 0)
        (void)close(MOVE_FD(c->proc.in_fd));
    if (!output_open(loop, MOVE_FD(c->proc.out_fd), &cmd->out, out_readable, c, &c->out, errp) ||
        !output_open(loop, MOVE_FD(c->proc.err_fd), &cmd->err, err_readable, c, &c->err, errp)) {
        proc_done(&c->proc);
        return false;
    }
    if (c->proc.pidfd < 0)
        return err_set(errp, ERR_UNSUPPORTED, "this kernel has no pidfd: 5.4 or later is needed");
    c->exit_watch = watch_open(loop, c->proc.pidfd, process_ended, c, errp);
    if (!c->exit_watch)
        c->proc.pidfd = -1;
    return c->exit_watch != NULL;
}

struct child *child_open(struct uv_loop_s *loop, const struct cmd *cmd,
                         const struct child_events *events, void *arg, struct err **errp)
{
    struct child *c = mem_new(struct child);

    c->arg = arg;
    c->own_group = cmd->flags & (CMD_OWN_GROUP | CMD_OWN_SESSION);
    c->out.by_line = events->on_line != NULL;
    if (!cmd_start(cmd, &c->proc, errp)) {
        free(c);
        return NULL;
    }
    c->deadline = timer_open(loop, deadline_passed, c);
    if (!child_watch(c, loop, cmd, errp)) {
        int status;

        (void)kill(c->proc.pid, SIGKILL);
        if (!proc_wait(&c->proc, -1, &status, NULL))
            log_debug("cannot reap process %d", (int)c->proc.pid);
        child_free(c);
        return NULL;
    }
    c->events = events;
    if (cmd->deadline_ms)
        timer_set(c->deadline, cmd->deadline_ms);
    return c;
}

pid_t child_pid(const struct child *child)
{
    return child->proc.pid;
}

void child_signal(struct child *child, int signum)
{
    if (child->exited)
        return;
    if (child->own_group)
        (void)proc_signal_group(&child->proc, signum);
    else
        (void)proc_signal(&child->proc, signum);
}

void child_close(struct child *child)
{
    if (!child || !child->events)
        return;
    child->events = NULL;
    timer_stop(child->deadline);
    child_signal(child, SIGKILL);
    if (child_is_over(child))
        child_free(child);
}

bool child_exit_check(const struct child_exit *exit, const char *name, struct err **errp)
{
    if (exit->timed_out)
        return err_set(errp, ERR_TIMEOUT, "%s did not end in time", name);
    return proc_status_check(name, exit->status, exit->err, errp);
}
