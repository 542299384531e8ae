#include "prog/guestagent/datagrams.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "wire/tunnel.h"

enum {
    READ_SIZE = 64 * 1024,
    READS_MAX = 8, /* before others have their turn */
    OUT_MAX = 256 * 1024,
};

/* Hands out what is complete. False: the owner is gone. */
static bool dispatch(struct datagrams *d)
{
    struct sv stream = sb_view(&d->in), datagram;
    bool is_gone = false;

    d->is_gone = &is_gone;
    while (tunnel_datagram_take(&stream, &datagram)) {
        d->events->on_datagram(d, datagram);
        if (is_gone)
            return false;
    }
    d->is_gone = NULL;
    sb_consume(&d->in, d->in.n - stream.n);
    if (d->in.n == 0)
        sb_done(&d->in);
    return true;
}

static void read_in(struct datagrams *d)
{
    for (int i = 0; i < READS_MAX; i++) {
        char *room = sb_reserve(&d->in, READ_SIZE);
        ssize_t n = recv(d->fd, room, READ_SIZE, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            d->events->on_end(d);
            return;
        }
        sb_commit(&d->in, (size_t)n);
        if (!dispatch(d) || n < READ_SIZE)
            return;
    }
}

/* False: the host takes no more. */
static bool flush(struct datagrams *d)
{
    size_t done = 0;

    while (done < d->out.n) {
        ssize_t n = send(d->fd, d->out.p + done, d->out.n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    sb_consume(&d->out, done);
    if (d->out.n == 0)
        sb_done(&d->out);
    if (d->waits_for_room != (d->out.n > 0)) {
        d->waits_for_room = d->out.n > 0;
        evloop_change(d->loop, &d->source, d->waits_for_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return true;
}

static void stream_ready(struct ev_source *source, uint32_t events)
{
    struct datagrams *d = CONTAINER_OF(source, struct datagrams, source);

    if ((events & EPOLLOUT) && !flush(d)) {
        d->events->on_end(d);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_in(d);
}

static void flush_due(struct ev_task *task)
{
    (void)flush(CONTAINER_OF(task, struct datagrams, flush)); /* an end is also seen by reading */
}

static void first_comes(struct ev_task *task)
{
    (void)dispatch(CONTAINER_OF(task, struct datagrams, first));
}

bool datagrams_init(struct datagrams *d, struct evloop *loop, int take_fd, struct sv first,
                    const struct datagrams_events *events)
{
    *d = (struct datagrams){ .loop = loop, .events = events, .fd = take_fd, .source.fd = -1 };
    if (!evloop_add(loop, &d->source, take_fd, EPOLLIN, stream_ready, NULL)) {
        datagrams_done(d);
        return false;
    }
    sb_put(&d->in, first);
    if (first.n > 0)
        ev_task_queue(loop, &d->first, first_comes);
    return true;
}

void datagrams_done(struct datagrams *d)
{
    if (!d->loop)
        return;
    if (d->is_gone)
        *d->is_gone = true;
    evloop_remove(d->loop, &d->source);
    ev_task_cancel(&d->first);
    ev_task_cancel(&d->flush);
    (void)close(d->fd); /* before its own direction has ended: a reset */
    sb_done(&d->in);
    sb_done(&d->out);
    *d = (struct datagrams){ .fd = -1 };
}

void datagrams_send(struct datagrams *d, struct sv datagram)
{
    bool had_rest = d->out.n > 0;

    if (d->out.n > OUT_MAX)
        return;
    tunnel_datagram_put(&d->out, datagram);
    if (!had_rest)
        ev_task_queue(d->loop, &d->flush, flush_due);
}
