/*
 * What a guest sends to a stream.
 *
 * Credit: each side tells in every packet how much space it has (buf_alloc) and how much it has
 * taken out of it (fwd_cnt); both count modulo 2^32. The guest may lie, to its own harm only: a
 * guest that sends more than it was granted is reset, one that claims nonsense gets no bytes.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "sys/host.h"
#include "vhost/vsock_priv.h"

#define TELL_MAX (128u << 10)

/* The space of a stream whose socket keeps up grows while there is some left. */
static void grow_space(struct vsock_stream *s)
{
    struct vsock_dev *v = s->dev;

    if (s->backlog.n == 0 && s->space < VSOCK_GRANT_MAX &&
        (!s->is_chunked || s->chunks_in.is_raw) && v->granted + s->space <= VSOCK_GRANT_TOTAL) {
        v->granted += s->space;
        s->space *= 2;
    }
}

/* How much may be taken before the guest is told. Linux uses no more of the space it is granted
 * than it has itself, so half of our own may never be reached. */
static uint32_t telling_step(const struct vsock_stream *s)
{
    uint32_t used = s->space < s->peer_space ? s->space : s->peer_space;

    return used / 2 < TELL_MAX ? used / 2 : TELL_MAX;
}

/* Bytes are not in the way any more. */
static void note_taken(struct vsock_stream *s, size_t n)
{
    s->taken += (uint32_t)n;
    if (s->taken != s->taken_told && s->taken - s->taken_told >= telling_step(s) &&
        s->state == STREAM_OPEN && !(s->owed & OWE_CREDIT_UPDATE)) {
        grow_space(s);
        vsock_stream_owe(s, OWE_CREDIT_UPDATE);
    }
}

/* Bytes went to the socket. */
static void note_delivered(struct vsock_stream *s, size_t n)
{
    VSOCK_COUNT(s, bytes_from_guest, (int64_t)n);
    note_taken(s, n);
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

void vsock_stream_flush(struct vsock_stream *s)
{
    bool had_backlog = s->backlog.n > 0;

    while (s->backlog.n > 0) {
        ssize_t n =
            send(s->fd, s->backlog.p + s->backlog.start, s->backlog.n, MSG_DONTWAIT | MSG_NOSIGNAL);

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
            vsock_stream_limit(s, VSOCK_LINGER_MS);
        note_delivered(s, (size_t)n);
    }
    if (had_backlog && s->state == STREAM_OPEN)
        evloop_change(s->dev->base.loop, &s->source, VSOCK_EVENTS_READ);
    vsock_stream_settle(s);
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

/* Bytes for the socket. */
static void deliver(struct vsock_stream *s, size_t len, struct iovec *iov, unsigned n_iov)
{
    size_t done = 0;
    int error = 0;

    if (s->discards) {
        note_delivered(s, len);
        return;
    }
    if (s->backlog.n == 0 && len > 0)
        done = send_now(s, iov, n_iov, &error);
    if (error) {
        if (handle_write_error(s, error)) {
            note_delivered(s, len);
            vsock_stream_settle(s);
        }
        return;
    }
    if (done < len) {
        size_t skip = done;

        if (s->backlog.n == 0)
            evloop_change(s->dev->base.loop, &s->source, VSOCK_EVENTS_READ | EPOLLOUT);
        for (unsigned i = 0; i < n_iov; i++) {
            size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;

            vsock_bytes_add(&s->backlog, (char *)iov[i].iov_base + from, iov[i].iov_len - from);
            skip -= from;
        }
    }
    note_delivered(s, done);
}

#define CHUNKS_BATCH 64

static void handle_chunks(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    struct iovec bytes[CHUNKS_BATCH];
    unsigned n_bytes = 0, i = 0;
    size_t n_heads = 0, len = 0;
    struct sv in = SV("");
    struct sv piece;

    for (;;) {
        size_t before = in.n;
        enum tunnel_piece got = tunnel_chunks_take(&s->chunks_in, &in, &piece);

        n_heads += before - in.n;
        if (got == TUNNEL_PIECE_BYTES) {
            bytes[n_bytes++] = (struct iovec){ (char *)piece.p, piece.n };
            len += piece.n;
            n_heads -= piece.n;
        } else if (in.n > 0) { /* something after the end */
            vsock_stream_abort(s, EPROTO);
            return;
        }
        if (n_bytes == CHUNKS_BATCH || (i == n_iov && in.n == 0)) {
            note_taken(s, n_heads);
            deliver(s, len, bytes, n_bytes);
            n_heads = len = 0;
            n_bytes = 0;
            if (s->state != STREAM_OPEN)
                return;
        }
        if (in.n > 0)
            continue;
        if (i == n_iov)
            break;
        in = (struct sv){ iov[i].iov_base, iov[i].iov_len };
        i++;
    }
    if (s->chunks_in.has_ended) {
        s->chunks_in_ended_ns = host_monotonic_ns();
        vsock_stream_settle(s);
    }
}

static void handle_data(struct vsock_stream *s, uint32_t len, struct iovec *iov, unsigned n_iov)
{
    if (len > s->space - (s->received - s->taken) || vsock_stream_guest_ended(s)) {
        vsock_stream_abort(s, EPROTO);
        return;
    }
    s->received += len;
    if (s->is_chunked && !s->chunks_in.is_raw)
        handle_chunks(s, iov, n_iov);
    else
        deliver(s, len, iov, n_iov);
}

static void handle_shutdown(struct vsock_stream *s, uint32_t flags)
{
    if (s->close_resets && s->state == STREAM_OPEN && !vsock_stream_guest_ended(s) &&
        (flags & VSOCK_SHUTDOWN_BOTH) == VSOCK_SHUTDOWN_BOTH) {
        vsock_stream_abort(s, ECONNRESET);
        return;
    }
    s->shutdown_got |= flags & VSOCK_SHUTDOWN_BOTH;
    if (s->shutdown_got == VSOCK_SHUTDOWN_BOTH || s->state == STREAM_IDLE) {
        bool has_backlog = s->backlog.n > 0;

        vsock_stream_leave_live(s, false);
        vsock_stream_leave_idle(s);
        s->state = STREAM_ENDING;
        s->readable = false;
        s->owed = 0;
        if (has_backlog)
            vsock_stream_limit(s, VSOCK_LINGER_MS);
        vsock_stream_owe(s, OWE_RST);
    }
    vsock_stream_settle(s);
}

void vsock_stream_packet(struct vsock_stream *s, const struct vsock_header *header,
                         struct iovec *payload, unsigned n_payload)
{
    if (header->op == VSOCK_OP_RST) {
        bool is_over =
            s->state == STREAM_CLOSING || s->state == STREAM_ENDING || s->state == STREAM_IDLE;

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
        vsock_stream_open(s);
        vsock_stream_report(s, 0);
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
        if (s->state != STREAM_OPEN && s->state != STREAM_CLOSING && s->state != STREAM_IDLE)
            break;
        handle_shutdown(s, header->flags);
        return;
    case VSOCK_OP_CREDIT_REQUEST:
        if (s->state == STREAM_OPEN || s->state == STREAM_IDLE)
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
