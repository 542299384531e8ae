#include "prog/devices/echo.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fuse/echo.h"
#include "wire/echo.h"

/* The agent says little; more than this is not its doing. */
enum { INPUT_MAX = 4 * ECHO_MSG_LEN_MAX };

struct echo {
    struct evloop *loop;        /* borrowed */
    struct fuse_server *server; /* borrowed */
    struct ev_source events, agent;
    int fd; /* of the agent; -1 = none */
    struct sb in, out;
};

static void consume(struct sb *b, size_t n)
{
    memmove(b->p, b->p + n, b->n - n);
    sb_truncate(b, b->n - n);
}

static void drop_agent(struct echo *e)
{
    if (e->fd < 0)
        return;
    evloop_remove(e->loop, &e->agent);
    (void)close(e->fd);
    e->fd = -1;
    sb_truncate(&e->in, 0);
    sb_truncate(&e->out, 0);
    fuse_echo_end(e->server);
    log_debug("the guest's agent for changes is gone");
}

/* Sends what there is; the rest waits until the stream takes it. */
static void flush(struct echo *e)
{
    size_t sent = 0;

    while (sent < e->out.n) {
        ssize_t n = write(e->fd, e->out.p + sent, e->out.n - sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            drop_agent(e);
            return;
        }
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    if (sent)
        consume(&e->out, sent);
    evloop_change(e->loop, &e->agent, EPOLLIN | (e->out.n ? EPOLLOUT : 0));
}

static void pump(struct echo *e)
{
    if (e->fd >= 0 && fuse_echo_next(e->server, &e->out))
        flush(e);
}

static void events_came(struct ev_source *source, uint32_t events)
{
    struct echo *e = CONTAINER_OF(source, struct echo, events);

    fuse_echo_read(e->server);
    pump(e);
}

/* False: it is no agent. */
static bool take_message(struct echo *e, const struct echo_msg *msg)
{
    if (msg->type == ECHO_READY && !fuse_echo_ready(e->server)) {
        log_warn("a process of the guest wants to be told of changes, but has not shown who it is");
        return false;
    }
    if (msg->type == ECHO_READY)
        log_debug("the guest's agent for changes is there");
    if (msg->type == ECHO_DONE)
        fuse_echo_done(e->server);
    return true;
}

static bool take_input(struct echo *e)
{
    struct sv rest = sb_view(&e->in);
    enum echo_take status;
    struct echo_msg msg;
    bool ok = true;

    while (ok && (status = echo_take(&rest, &msg, NULL)) == ECHO_TAKEN)
        ok = take_message(e, &msg);
    if (!ok || status == ECHO_BROKEN)
        return false;
    if (rest.n < e->in.n)
        consume(&e->in, e->in.n - rest.n);
    return e->in.n < INPUT_MAX;
}

static void agent_ready(struct ev_source *source, uint32_t events)
{
    struct echo *e = CONTAINER_OF(source, struct echo, agent);
    char bytes[1024];
    ssize_t n;

    if (events & EPOLLOUT)
        flush(e);
    if (e->fd < 0)
        return;
    n = read(e->fd, bytes, sizeof(bytes));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        sb_put_mem(&e->in, bytes, (size_t)n);
    if (n <= 0 || !take_input(e))
        drop_agent(e);
    else
        pump(e);
}

void echo_take_agent(struct echo *e, int take_fd)
{
    auto_fd int fd = take_fd;
    struct fuse_nonce nonce;

    drop_agent(e);
    if (fuse_echo_fd(e->server) < 0 || getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce) ||
        !evloop_add(e->loop, &e->agent, fd, EPOLLIN, agent_ready, NULL))
        return;
    e->fd = MOVE_FD(fd);
    fuse_echo_begin(e->server, nonce);
    echo_put(&e->out,
             &(struct echo_msg){ .type = ECHO_HELLO, .dir = nonce.half[0], .dir2 = nonce.half[1] });
    flush(e);
}

void echo_export_gone(struct echo *e, const char *name)
{
    if (e->fd < 0)
        return;
    echo_put(&e->out, &(struct echo_msg){ .type = ECHO_GONE, .export = sv_of(name) });
    flush(e);
}

struct echo *echo_new(struct evloop *loop, struct fuse_server *server)
{
    struct echo *e = mem_new(struct echo);
    auto_err struct err *err = NULL;

    e->loop = loop;
    e->server = server;
    e->fd = e->events.fd = e->agent.fd = -1;
    if (!fuse_echo_open(server, &err) ||
        !evloop_add(loop, &e->events, fuse_echo_fd(server), EPOLLIN, events_came, &err))
        log_debug("changes of files are not told to the guest: %s", err_text(err));
    return e;
}

void echo_free(struct echo *e)
{
    if (!e)
        return;
    drop_agent(e);
    evloop_remove(e->loop, &e->events);
    sb_done(&e->in);
    sb_done(&e->out);
    free(e);
}
