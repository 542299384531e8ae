/*
 * Theory of operation. A stream has two directions that end on their own. From the guest: its
 * SHUTDOWN(SEND) becomes shutdown(SHUT_WR) once the backlog is out. To the guest: end of file of the
 * socket becomes SHUTDOWN(SEND). When both have ended we send SHUTDOWN(both) and close the socket;
 * the guest answers with RST as soon as its program has read everything, or has closed. A guest
 * that closes first sends SHUTDOWN(both) and waits for our RST; it gets it at once, although bytes
 * may still be on their way to the socket.
 *
 * Credit: each side tells in every packet how much space it has (buf_alloc) and how much it has
 * taken out of it (fwd_cnt); both count modulo 2^32. The guest may lie, to its own harm only: a
 * guest that sends more than it was granted is reset, one that claims nonsense gets no bytes.
 *
 * A stream with a preface does not wait for the guest's RESPONSE: the preface, and the first bytes if
 * they are there, follow the REQUEST at once. Linux takes them, since its side of a connection is open
 * when it answers, and so a connection costs one exchange and one interrupt less. A guest that
 * refuses drops them.
 *
 * The socket is watched edge-triggered, so a socket that cannot be read for lack of credit does not
 * wake the loop; "readable" remembers what is known. Writability is asked for only while there is
 * a backlog.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/vsock_priv.h"

#define TELL_MAX (128u << 10)
#define EARLY_MAX 4096u /* bytes of a socket that are sent before the guest has answered */
#define EVENTS_READ (EPOLLIN | EPOLLRDHUP | EPOLLET)

static void count(struct vsock_stream *s, size_t member, int64_t n)
{
    *(uint64_t *)(void *)((char *)&s->dev->counters + member) += (uint64_t)n;
    if (s->group)
        *(uint64_t *)(void *)((char *)&s->group->counters + member) += (uint64_t)n;
}
#define COUNTER(s, member, n) count(s, offsetof(struct devctl_counters, member), n)

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

static void report(struct vsock_stream *s, int error)
{
    vsock_done_fn on_done = s->on_done;

    s->on_done = NULL;
    if (on_done)
        on_done(s->arg, s, error);
}

/* Counts the end of a stream. */
static void leave_live(struct vsock_stream *s, bool by_reset)
{
    if (s->state == STREAM_OPEN)
        COUNTER(s, live, -1);
    if (by_reset && (s->state == STREAM_OPEN || s->state == STREAM_CLOSING))
        COUNTER(s, reset, 1);
    else if (by_reset && s->state != STREAM_ENDING)
        COUNTER(s, refused, 1);
}

void vsock_stream_drop(struct vsock_stream *s, int error)
{
    leave_live(s, true);
    close_socket(s, true);
    report(s, error);
    vsock_table_remove(s);
}

void vsock_stream_abort(struct vsock_stream *s, int error)
{
    if (s->state == STREAM_REQUESTED && (s->owed & OWE_REQUEST)) {
        vsock_stream_drop(s, error); /* the guest has not heard of it */
        return;
    }
    leave_live(s, true);
    close_socket(s, true);
    vsock_bytes_done(&s->preface);
    ev_timer_stop(&s->timer);
    s->state = STREAM_ENDING;
    s->owed = 0;
    if (s->is_hashed)
        vsock_stream_owe(s, OWE_RST);
    report(s, error);
    if (!s->is_hashed)
        vsock_table_remove(s);
}

static void answer_overdue(struct ev_timer *timer)
{
    vsock_stream_abort(CONTAINER_OF(timer, struct vsock_stream, timer), ETIMEDOUT);
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

/* Draws the conclusions when a direction has made progress or ended. May free the stream. */
static void settle(struct vsock_stream *s)
{
    uint8_t shutdown_wanted = 0;

    if (end_if_done(s) || s->state != STREAM_OPEN)
        return;
    if ((s->shutdown_got & VSOCK_SHUTDOWN_SEND) && s->backlog.n == 0 && !s->write_shut) {
        (void)shutdown(s->fd, SHUT_WR);
        s->write_shut = true;
    }
    if (s->host_eof)
        shutdown_wanted |= VSOCK_SHUTDOWN_SEND;
    if (s->discards)
        shutdown_wanted |= VSOCK_SHUTDOWN_RECEIVE;
    if (s->host_eof && (s->write_shut || s->discards)) {
        shutdown_wanted = VSOCK_SHUTDOWN_BOTH;
        close_socket(s, false);
        leave_live(s, false);
        s->state = STREAM_CLOSING;
        s->owed &= ~(unsigned)(OWE_CREDIT_UPDATE | OWE_CREDIT_REQUEST);
    }
    if (shutdown_wanted & ~s->shutdown_sent) {
        s->shutdown_sent |= shutdown_wanted;
        vsock_stream_owe(s, OWE_SHUTDOWN);
    }
}

/* From the guest. */

/* The space of a stream whose socket keeps up grows while there is some left. */
static void grow_space(struct vsock_stream *s)
{
    struct vsock_dev *v = s->dev;

    if (s->backlog.n == 0 && s->space < VSOCK_GRANT_MAX &&
        v->granted + s->space <= VSOCK_GRANT_TOTAL) {
        v->granted += s->space;
        s->space *= 2;
    }
}

/* How much may be taken before the guest is told. Linux uses no more of the space it is granted than
 * it has itself, so half of our own may never be reached. */
static uint32_t telling_step(const struct vsock_stream *s)
{
    uint32_t used = s->space < s->peer_space ? s->space : s->peer_space;

    return used / 2 < TELL_MAX ? used / 2 : TELL_MAX;
}

/* Bytes went to the socket. */
static void note_taken(struct vsock_stream *s, size_t n)
{
    s->taken += (uint32_t)n;
    COUNTER(s, bytes_from_guest, (int64_t)n);
    if (s->taken != s->taken_told && s->taken - s->taken_told >= telling_step(s) &&
        s->state == STREAM_OPEN && !(s->owed & OWE_CREDIT_UPDATE)) {
        grow_space(s);
        vsock_stream_owe(s, OWE_CREDIT_UPDATE);
    }
}

/* A write failed. False when the stream was aborted. */
static bool handle_write_error(struct vsock_stream *s, int error)
{
    if (error == EPIPE) { /* the peer reads no more, but may still send */
        s->taken += (uint32_t)s->backlog.n;
        vsock_bytes_done(&s->backlog);
        s->discards = true;
        return true;
    }
    vsock_stream_abort(s, error);
    return false;
}

static void flush_backlog(struct vsock_stream *s)
{
    bool had_backlog = s->backlog.n > 0;

    while (s->backlog.n > 0) {
        ssize_t n = send(s->fd, s->backlog.p + s->backlog.start, s->backlog.n,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            if (!handle_write_error(s, errno))
                return;
            break;
        }
        vsock_bytes_take(&s->backlog, (size_t)n);
        if (s->state == STREAM_ENDING)
            ev_timer_start(s->dev->base.loop, &s->timer, VSOCK_LINGER_MS, answer_overdue);
        note_taken(s, (size_t)n);
    }
    if (had_backlog && s->state == STREAM_OPEN)
        evloop_change(s->dev->base.loop, &s->source, EVENTS_READ);
    settle(s);
}

static size_t send_now(struct vsock_stream *s, struct iovec *iov, unsigned n_iov, int *out_error)
{
    struct msghdr mh = { .msg_iov = iov, .msg_iovlen = n_iov };
    ssize_t n;

    do {
        n = sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    *out_error = n < 0 && errno != EAGAIN ? errno : 0;
    return n < 0 ? 0 : (size_t)n;
}

static void handle_data(struct vsock_stream *s, uint32_t len, struct iovec *iov, unsigned n_iov)
{
    size_t done = 0;
    int error = 0;

    if (len > s->space - (s->received - s->taken) || (s->shutdown_got & VSOCK_SHUTDOWN_SEND)) {
        vsock_stream_abort(s, EPROTO);
        return;
    }
    s->received += len;
    if (s->discards) {
        note_taken(s, len);
        return;
    }
    if (s->backlog.n == 0 && len > 0)
        done = send_now(s, iov, n_iov, &error);
    if (error) {
        if (handle_write_error(s, error)) {
            note_taken(s, len);
            settle(s);
        }
        return;
    }
    if (done < len) {
        size_t skip = done;

        if (s->backlog.n == 0)
            evloop_change(s->dev->base.loop, &s->source, EVENTS_READ | EPOLLOUT);
        for (unsigned i = 0; i < n_iov; i++) {
            size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;

            vsock_bytes_add(&s->backlog, (char *)iov[i].iov_base + from, iov[i].iov_len - from);
            skip -= from;
        }
    }
    note_taken(s, done);
}

static void handle_shutdown(struct vsock_stream *s, uint32_t flags)
{
    if (s->close_resets && s->state == STREAM_OPEN && !(s->shutdown_got & VSOCK_SHUTDOWN_SEND) &&
        (flags & VSOCK_SHUTDOWN_BOTH) == VSOCK_SHUTDOWN_BOTH) {
        vsock_stream_abort(s, ECONNRESET);
        return;
    }
    s->shutdown_got |= flags & VSOCK_SHUTDOWN_BOTH;
    if (s->shutdown_got == VSOCK_SHUTDOWN_BOTH) {
        bool has_backlog = s->backlog.n > 0;

        leave_live(s, false);
        s->state = STREAM_ENDING;
        s->readable = false;
        s->owed = 0;
        if (has_backlog)
            ev_timer_start(s->dev->base.loop, &s->timer, VSOCK_LINGER_MS, answer_overdue);
        vsock_stream_owe(s, OWE_RST);
    }
    settle(s);
}

static void set_open(struct vsock_stream *s);

void vsock_stream_packet(struct vsock_stream *s, const struct vsock_header *header,
                         struct iovec *payload, unsigned n_payload)
{
    if (header->op == VSOCK_OP_RST) {
        bool is_over = s->state == STREAM_CLOSING || s->state == STREAM_ENDING;

        if (s->state == STREAM_ENDING && s->fd >= 0) { /* bytes for the socket are left */
            s->owed = 0;
            vsock_table_forget(s);
        } else if (is_over) {
            vsock_table_remove(s);
        } else {
            vsock_stream_drop(s, ECONNREFUSED);
        }
        return;
    }
    if (s->state == STREAM_ENDING)
        return;
    s->peer_space = header->buf_alloc;
    s->peer_taken = header->fwd_cnt;
    switch (header->op) {
    case VSOCK_OP_RESPONSE:
        if (s->state != STREAM_REQUESTED || (s->owed & OWE_REQUEST))
            break;
        set_open(s);
        report(s, 0);
        return;
    case VSOCK_OP_RW:
        if (s->state == STREAM_CLOSING)
            return; /* it was told that nobody reads; what was on its way is dropped */
        if (s->state != STREAM_OPEN)
            break;
        vsock_stream_wake(s); /* the credit may have changed */
        handle_data(s, header->len, payload, n_payload);
        return;
    case VSOCK_OP_SHUTDOWN:
        if (s->state != STREAM_OPEN && s->state != STREAM_CLOSING)
            break;
        handle_shutdown(s, header->flags);
        return;
    case VSOCK_OP_CREDIT_REQUEST:
        if (s->state == STREAM_OPEN)
            vsock_stream_owe(s, OWE_CREDIT_UPDATE);
        return;
    case VSOCK_OP_CREDIT_UPDATE:
        if (s->state == STREAM_OPEN)
            vsock_stream_wake(s);
        return;
    default:
        break;
    }
    vsock_stream_abort(s, EPROTO); /* it makes no sense now */
}

/* To the guest. */

static uint32_t credit(const struct vsock_stream *s)
{
    uint32_t in_flight = s->sent - s->peer_taken;

    return in_flight < s->peer_space ? s->peer_space - in_flight : 0;
}

uint32_t vsock_stream_sendable(struct vsock_stream *s)
{
    uint32_t n = credit(s);

    if (!s->readable || s->host_eof || (s->shutdown_got & VSOCK_SHUTDOWN_RECEIVE))
        return 0;
    if (s->state != STREAM_OPEN)
        return s->state == STREAM_REQUESTED ? n : 0;
    if (n > 0)
        s->asked_credit = false;
    else if (!s->asked_credit) {
        s->asked_credit = true;
        s->owed |= OWE_CREDIT_REQUEST;
    }
    return n;
}

static size_t read_preface(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    size_t total = 0;

    for (unsigned i = 0; i < n_iov && s->preface.n > 0; i++) {
        size_t n = s->preface.n < iov[i].iov_len ? s->preface.n : iov[i].iov_len;

        memcpy(iov[i].iov_base, s->preface.p + s->preface.start, n);
        vsock_bytes_take(&s->preface, n);
        total += n;
    }
    return total;
}

size_t vsock_stream_read(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    struct msghdr mh = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };
    ssize_t n;

    if (s->preface.n > 0) {
        n = (ssize_t)read_preface(s, iov, n_iov);
    } else {
        do {
            n = recvmsg(s->fd, &mh, MSG_DONTWAIT);
        } while (n < 0 && errno == EINTR);
    }
    if (n > 0) {
        s->sent += (uint32_t)n;
        COUNTER(s, bytes_to_guest, n);
        return (size_t)n;
    }
    s->readable = false;
    if (n == 0) {
        s->host_eof = true;
        s->discards = s->discards || s->hung_up;
        settle(s);
    } else if (errno != EAGAIN) {
        vsock_stream_abort(s, errno);
    }
    return 0;
}

void vsock_stream_header(struct vsock_stream *s, struct vsock_header *out)
{
    *out = (struct vsock_header){
        .src_cid = VSOCK_CID_HOST,
        .dst_cid = VSOCK_GUEST_CID,
        .src_port = s->host_port,
        .dst_port = s->guest_port,
        .type = VSOCK_TYPE_STREAM,
        .flags = 0,
        .buf_alloc = s->space,
        .fwd_cnt = s->taken,
    };
    s->taken_told = s->taken;
    s->owed &= ~(unsigned)OWE_CREDIT_UPDATE;
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
            settle(s);
            return;
        }
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            s->readable = true;
            vsock_stream_wake(s);
        }
    }
    if ((events & (EPOLLOUT | EPOLLHUP)) && s->backlog.n > 0)
        flush_backlog(s);
}

static void set_open(struct vsock_stream *s)
{
    ev_timer_stop(&s->timer);
    s->state = STREAM_OPEN;
    COUNTER(s, live, 1);
    COUNTER(s, total, 1);
    if (!evloop_add(s->dev->base.loop, &s->source, s->fd, EVENTS_READ, socket_ready, NULL)) {
        vsock_stream_abort(s, ENOMEM);
        return;
    }
    if (s->readable || s->owed)
        vsock_stream_wake(s);
    settle(s); /* it may have ended while it was REQUESTED */
}

static void set_socket(struct vsock_stream *s, int take_fd)
{
    const int on = 1;

    s->fd = take_fd;
    /* Bytes are passed on as they come; other sockets than TCP refuse, and need it not. */
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* For the owner. */

struct vsock_stream *vsock_connect(struct vsock_dev *v, const struct vsock_connect *how,
                                   int take_fd, int *out_error)
{
    struct vsock_stream *s = NULL;

    if (vsock_dev_is_up(v))
        s = vsock_table_add(v, how->port, vsock_table_free_port(v, how->port), STREAM_REQUESTED);
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
    s->close_resets = how->preface.n > 0;
    if (how->preface.n > 0) {
        vsock_bytes_add(&s->preface, how->preface.p, how->preface.n);
        s->peer_space = (uint32_t)how->preface.n + EARLY_MAX;
        s->readable = true;
    }
    ev_timer_start(v->base.loop, &s->timer, VSOCK_ANSWER_MS, answer_overdue);
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
    set_open(s);
}

void vsock_stream_refuse(struct vsock_stream *s)
{
    assert(s->state == STREAM_HELD);
    vsock_stream_abort(s, ECONNREFUSED);
}

struct vsock_stream *vsock_dev_find_held(struct vsock_dev *v, uint32_t number, const void *client)
{
    list_for_each(s, &v->streams, struct vsock_stream, link)
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
    ev_timer_start(s->dev->base.loop, &s->timer, VSOCK_ANSWER_MS, answer_overdue);
}

void vsock_dev_drop_client(struct vsock_dev *v, const void *client)
{
    list_for_each(s, &v->streams, struct vsock_stream, link) {
        if (s->client != client)
            continue;
        s->client = NULL;
        if (s->dies_with_client || s->state == STREAM_HELD)
            vsock_stream_abort(s, ECONNABORTED);
        else
            report(s, ECONNABORTED);
    }
}
