/*
 * Theory of operation. A stream has two directions that end on their own. From the guest: its
 * SHUTDOWN(SEND) becomes shutdown(SHUT_WR) once the backlog is out. To the guest: end of file of
 * the socket becomes SHUTDOWN(SEND). When both have ended we send SHUTDOWN(both) and close the
 * socket; the guest answers with RST as soon as its program has read everything, or has closed. A
 * guest that closes first sends SHUTDOWN(both) and waits for our RST; it gets it at once, although
 * bytes may still be on their way to the socket.
 *
 * In chunks (wire/tunnel.h) a direction may also end without a SHUTDOWN. When both have ended so,
 * the stream is IDLE and kept for the next connection: in the same place where, without chunks, it
 * would begin to close.
 *
 * The socket is watched edge-triggered, so a socket that cannot be read for lack of credit does not
 * wake the loop; "readable" remembers what is known. Writability is asked for only while there is
 * a backlog.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/host.h"
#include "sys/sock.h"
#include "vhost/vsock_priv.h"

#define EARLY_MAX 4096u /* bytes of a socket that are sent before the guest has answered */

void vsock_stream_count(struct vsock_stream *s, size_t member, int64_t n)
{
    *(uint64_t *)(void *)((char *)&s->dev->counters + member) += (uint64_t)n;
    if (s->group)
        *(uint64_t *)(void *)((char *)&s->group->counters + member) += (uint64_t)n;
}

void vsock_stream_wake(struct vsock_stream *s)
{
    if (!s->turn.next)
        list_push_back(&s->dev->turns, &s->turn);
    vsock_dev_wake(s->dev);
}

void vsock_stream_owe(struct vsock_stream *s, unsigned packets)
{
    s->owed |= packets;
    vsock_stream_wake(s);
}

static void close_socket(struct vsock_stream *s, bool with_reset)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (s->fd < 0)
        return;
    evloop_remove(s->dev->base.loop, &s->source);
    if (with_reset) /* means nothing to other sockets than TCP */
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(s->fd);
    s->fd = -1;
    s->readable = false;
    vsock_bytes_done(&s->backlog);
}

void vsock_stream_report(struct vsock_stream *s, int error)
{
    vsock_done_fn on_done = s->on_done;

    s->on_done = NULL;
    if (on_done)
        on_done(s->arg, s, error);
}

void vsock_stream_leave_live(struct vsock_stream *s, bool by_reset)
{
    if (s->state == STREAM_OPEN)
        VSOCK_COUNT(s, live, -1);
    if (by_reset && (s->state == STREAM_OPEN || s->state == STREAM_CLOSING))
        VSOCK_COUNT(s, reset, 1);
    else if (by_reset && s->state != STREAM_ENDING && s->state != STREAM_IDLE)
        VSOCK_COUNT(s, refused, 1);
}

void vsock_stream_leave_idle(struct vsock_stream *s)
{
    if (s->state != STREAM_IDLE)
        return;
    vsock_table_set_idle(s, false);
    ev_timer_stop(&s->timer);
}

void vsock_stream_drop(struct vsock_stream *s, int error)
{
    vsock_stream_leave_live(s, true);
    close_socket(s, true);
    vsock_stream_report(s, error);
    vsock_table_remove(s);
}

void vsock_stream_abort(struct vsock_stream *s, int error)
{
    if (s->state == STREAM_REQUESTED && (s->owed & OWE_REQUEST)) {
        vsock_stream_drop(s, error); /* the guest has not heard of it */
        return;
    }
    vsock_stream_leave_live(s, true);
    close_socket(s, true);
    vsock_bytes_done(&s->preface);
    vsock_stream_leave_idle(s);
    ev_timer_stop(&s->timer);
    s->state = STREAM_ENDING;
    s->owed = 0;
    if (s->is_hashed)
        vsock_stream_owe(s, OWE_RST);
    vsock_stream_report(s, error);
    if (!s->is_hashed)
        vsock_table_remove(s);
}

static void overdue(struct ev_timer *timer)
{
    vsock_stream_abort(CONTAINER_OF(timer, struct vsock_stream, timer), ETIMEDOUT);
}

void vsock_stream_limit(struct vsock_stream *s, unsigned ms)
{
    ev_timer_start(s->dev->base.loop, &s->timer, ms, overdue);
}

/* An ENDING stream goes when nothing is owed to either side. True when it went. */
static bool end_if_done(struct vsock_stream *s)
{
    if (s->state != STREAM_ENDING)
        return false;
    if (s->backlog.n == 0)
        close_socket(s, false);
    if (s->owed || s->fd >= 0)
        return false;
    vsock_table_remove(s);
    return true;
}

bool vsock_stream_guest_ended(const struct vsock_stream *s)
{
    return (s->shutdown_got & VSOCK_SHUTDOWN_SEND) || s->chunks_in.has_ended;
}

/* Idle streams. */

static void end_idle(struct vsock_stream *s)
{
    vsock_stream_leave_idle(s);
    s->state = STREAM_CLOSING;
    s->shutdown_sent = VSOCK_SHUTDOWN_BOTH;
    vsock_stream_owe(s, OWE_SHUTDOWN);
}

static void idle_for_long(struct ev_timer *timer)
{
    end_idle(CONTAINER_OF(timer, struct vsock_stream, timer));
}

/* The connection has ended well, the stream may serve another one. */
static void become_idle(struct vsock_stream *s)
{
    struct vsock_dev *v = s->dev;

    close_socket(s, false);
    vsock_stream_leave_live(s, false);
    s->state = STREAM_IDLE;
    vsock_group_unref(MOVE(s->group));
    s->client = NULL;
    s->hung_up = s->host_eof = s->write_shut = s->discards = false;
    vsock_table_set_idle(s, true);
    ev_timer_start(v->base.loop, &s->timer, VSOCK_IDLE_MS, idle_for_long);
    if (v->n_idle > VSOCK_IDLE_MAX)
        end_idle(CONTAINER_OF(v->idle.prev, struct vsock_stream, idle));
}

/* Both directions have ended in chunks, and nothing else was said about their ends. A guest whose
 * server has closed may be about to close as well when the end of the host comes late. */
static bool is_reusable(const struct vsock_stream *s)
{
    const uint64_t late_ns = TUNNEL_HOST_END_MS / 2 * 1000000ull;

    return s->chunks_out.has_ended && s->chunks_in.has_ended && s->write_shut &&
           !s->shutdown_sent && !s->shutdown_got &&
           host_monotonic_ns() - s->chunks_in_ended_ns < late_ns;
}

void vsock_stream_settle(struct vsock_stream *s)
{
    uint8_t shutdown_wanted = 0;

    if (end_if_done(s) || s->state != STREAM_OPEN)
        return;
    if (vsock_stream_guest_ended(s) && s->backlog.n == 0 && !s->write_shut) {
        (void)shutdown(s->fd, SHUT_WR);
        s->write_shut = true;
    }
    if (is_reusable(s)) {
        become_idle(s);
        return;
    }
    if (s->host_eof && !s->chunks_out.has_ended)
        shutdown_wanted |= VSOCK_SHUTDOWN_SEND;
    if (s->discards)
        shutdown_wanted |= VSOCK_SHUTDOWN_RECEIVE;
    if (s->host_eof && (s->write_shut || s->discards)) {
        shutdown_wanted = VSOCK_SHUTDOWN_BOTH;
        close_socket(s, false);
        vsock_stream_leave_live(s, false);
        s->state = STREAM_CLOSING;
        s->owed &= ~(unsigned)(OWE_CREDIT_UPDATE | OWE_CREDIT_REQUEST);
    }
    if (shutdown_wanted & ~s->shutdown_sent) {
        s->shutdown_sent |= shutdown_wanted;
        vsock_stream_owe(s, OWE_SHUTDOWN);
    }
}

void vsock_stream_paid(struct vsock_stream *s, enum vsock_op op)
{
    s->owed &= ~(1u << op);
    if (op == VSOCK_OP_RST) {
        vsock_table_forget(s);
        (void)end_if_done(s);
    }
}

/* The socket. */

static void socket_ready(struct ev_source *source, uint32_t events)
{
    struct vsock_stream *s = CONTAINER_OF(source, struct vsock_stream, source);

    if (events & EPOLLERR) {
        int error = 0;
        socklen_t len = sizeof(error);

        (void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error && error != EPIPE) {
            vsock_stream_abort(s, error);
            return;
        }
    }
    if (s->state == STREAM_OPEN) {
        s->hung_up = s->hung_up || (events & EPOLLHUP);
        if (s->hung_up && s->host_eof) { /* it had ended one way before, now it is closed */
            s->discards = true;
            vsock_stream_settle(s);
            return;
        }
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            s->readable = true;
            vsock_stream_wake(s);
        }
    }
    if ((events & (EPOLLOUT | EPOLLHUP)) && s->backlog.n > 0)
        vsock_stream_flush(s);
}

void vsock_stream_open(struct vsock_stream *s)
{
    ev_timer_stop(&s->timer);
    s->state = STREAM_OPEN;
    VSOCK_COUNT(s, live, 1);
    VSOCK_COUNT(s, total, 1);
    if (!evloop_add(s->dev->base.loop, &s->source, s->fd, VSOCK_EVENTS_READ, socket_ready, NULL)) {
        vsock_stream_abort(s, ENOMEM);
        return;
    }
    if (s->readable || s->owed)
        vsock_stream_wake(s);
    vsock_stream_settle(s); /* it may have ended while it was REQUESTED */
}

static void set_socket(struct vsock_stream *s, int take_fd)
{
    s->fd = take_fd;
    sock_tcp_no_delay(s->fd); /* bytes are passed on as they come */
}

/* For the owner. */

/* A stream for the connection; NULL when there are too many. */
static struct vsock_stream *find_stream(struct vsock_dev *v, const struct vsock_connect *how)
{
    struct vsock_stream *s = how->is_chunked ? vsock_table_find_idle(v, how->port) : NULL;

    if (s)
        vsock_stream_leave_idle(s);
    else
        s = vsock_table_add(v, how->port, vsock_table_free_port(v, how->port), STREAM_REQUESTED);
    return s;
}

struct vsock_stream *vsock_connect(struct vsock_dev *v, const struct vsock_connect *how,
                                   int take_fd, int *out_error)
{
    struct vsock_stream *s = vsock_dev_is_up(v) ? find_stream(v, how) : NULL;

    if (!s) {
        const struct linger now = { .l_onoff = 1, .l_linger = 0 };

        *out_error = vsock_dev_is_up(v) ? ENFILE : ENETDOWN;
        (void)setsockopt(take_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        (void)close(take_fd);
        return NULL;
    }
    set_socket(s, take_fd);
    s->group = vsock_group_ref(how->group);
    s->client = how->client;
    s->dies_with_client = how->dies_with_client;
    s->on_done = how->on_done;
    s->arg = how->arg;
    s->is_chunked = how->is_chunked;
    s->chunks_in = (struct tunnel_chunks){ 0 };
    memset(&s->chunks_out, 0, sizeof(s->chunks_out));
    s->close_resets = how->preface.n > 0;
    if (how->preface.n > 0) {
        vsock_bytes_add(&s->preface, how->preface.p, how->preface.n);
        s->readable = true;
    }
    if (s->state == STREAM_IDLE) {
        vsock_stream_open(s);
        vsock_stream_report(s, 0);
        return s;
    }
    if (how->preface.n > 0)
        s->peer_space = (uint32_t)how->preface.n + EARLY_MAX;
    vsock_stream_limit(s, VSOCK_ANSWER_MS);
    vsock_stream_owe(s, OWE_REQUEST);
    return s;
}

void vsock_stream_accept(struct vsock_stream *s, int take_fd, struct vsock_group *group,
                         void *client, bool dies_with_client)
{
    assert(s->state == STREAM_HELD);
    set_socket(s, take_fd);
    s->group = vsock_group_ref(group);
    s->client = client;
    s->dies_with_client = dies_with_client;
    s->owed |= OWE_RESPONSE;
    vsock_stream_open(s);
}

void vsock_stream_refuse(struct vsock_stream *s)
{
    assert(s->state == STREAM_HELD);
    vsock_stream_abort(s, ECONNREFUSED);
}

struct vsock_stream *vsock_dev_find_held(struct vsock_dev *v, uint32_t number, const void *client)
{
    list_for_each (s, &v->streams, struct vsock_stream, link)
        if (s->number == number && s->state == STREAM_HELD && s->client == client)
            return s;
    return NULL;
}

uint32_t vsock_stream_number(const struct vsock_stream *s)
{
    return s->number;
}

uint32_t vsock_stream_guest_port(const struct vsock_stream *s)
{
    return s->guest_port;
}

uint32_t vsock_stream_host_port(const struct vsock_stream *s)
{
    return s->host_port;
}

void vsock_stream_set_client(struct vsock_stream *s, void *client)
{
    s->client = client;
}

void vsock_stream_hold(struct vsock_stream *s)
{
    s->close_resets = true;
    vsock_stream_limit(s, VSOCK_ANSWER_MS);
}

void vsock_dev_drop_client(struct vsock_dev *v, const void *client)
{
    list_for_each (s, &v->streams, struct vsock_stream, link) {
        if (s->client != client)
            continue;
        s->client = NULL;
        if (s->dies_with_client || s->state == STREAM_HELD)
            vsock_stream_abort(s, ECONNABORTED);
        else
            vsock_stream_report(s, ECONNABORTED);
    }
}
