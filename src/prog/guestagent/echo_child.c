#include "prog/guestagent/echo_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/host.h"
#include "sys/proc.h"

enum {
    PAUSE_MIN_MS = 200,
    PAUSE_MAX_MS = 60 * 1000,
    LIVED_NS = 10 * 1000 * 1000 * 1000LL, /* long enough to begin with short pauses again */
};

struct echo_child {
    struct evloop *loop; /* borrowed */
    struct proc proc;
    struct ev_source output; /* ends when the process does */
    struct ev_timer pause;
    unsigned pause_ms;
    uint64_t started_ns;
    bool is_running;
};

static void start(struct echo_child *c);

static void pause_over(struct ev_timer *timer)
{
    start(CONTAINER_OF(timer, struct echo_child, pause));
}

static void try_later(struct echo_child *c)
{
    if (host_monotonic_ns() - c->started_ns > LIVED_NS)
        c->pause_ms = PAUSE_MIN_MS;
    ev_timer_start(c->loop, &c->pause, c->pause_ms, pause_over);
    c->pause_ms = c->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : c->pause_ms * 2;
}

static void release(struct echo_child *c)
{
    int status;

    if (!c->is_running)
        return;
    evloop_remove(c->loop, &c->output);
    (void)!proc_wait(&c->proc, -1, &status, NULL);
    proc_done(&c->proc);
    c->is_running = false;
}

static void output_ready(struct ev_source *source, uint32_t events)
{
    struct echo_child *c = CONTAINER_OF(source, struct echo_child, output);
    char bytes[256];
    ssize_t n = read(source->fd, bytes, sizeof(bytes));

    if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
        return;
    release(c);
    try_later(c);
}

static void start(struct echo_child *c)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL,
                                .out = CMD_TO_PIPE(0),
                                .flags = CMD_DIES_WITH_PARENT };
    auto_err struct err *err = NULL;

    strv_push_list(&cmd.argv, "/proc/self/exe", "echo", NULL);
    if (log_enabled(LOG_DEBUG))
        strv_push(&cmd.argv, "--debug");
    c->started_ns = host_monotonic_ns();
    if (!cmd_start(&cmd, &c->proc, &err)) {
        log_warn("Changes of the host are not repeated: %s", err_text(err));
        try_later(c);
        return;
    }
    c->is_running = true;
    if (!evloop_add(c->loop, &c->output, c->proc.out_fd, EPOLLIN, output_ready, &err)) {
        log_warn("Changes of the host are not repeated: %s", err_text(err));
        (void)proc_signal(&c->proc, SIGKILL);
        release(c);
        try_later(c);
    }
}

void echo_child_start(struct echo_child *c)
{
    if (c->is_running)
        return;
    ev_timer_stop(&c->pause);
    c->pause_ms = PAUSE_MIN_MS;
    start(c);
}

struct echo_child *echo_child_new(struct evloop *loop)
{
    struct echo_child *c = mem_new(struct echo_child);

    c->loop = loop;
    c->proc = PROC_NONE;
    c->output.fd = -1;
    c->pause_ms = PAUSE_MIN_MS;
    return c;
}

void echo_child_free(struct echo_child *c)
{
    if (!c)
        return;
    ev_timer_stop(&c->pause);
    if (c->is_running)
        (void)proc_signal(&c->proc, SIGKILL);
    release(c);
    free(c);
}
