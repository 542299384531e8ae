/*
 * What a stream has for the guest.
 *
 * A stream with a preface does not wait for the guest's RESPONSE: the preface, and the first bytes
 * if they are there, follow the REQUEST at once. Linux takes them, since its side of a connection
 * is open when it answers, and so a connection costs one exchange and one interrupt less. A guest
 * that refuses drops them.
 */
#include <errno.h>
#include <sys/socket.h>

#include "vhost/pieces.h"
#include "vhost/vsock_priv.h"

#define PIECES_MAX 256 /* as the device gives at most */

static uint32_t credit(const struct vsock_stream *s)
{
    uint32_t in_flight = s->sent - s->peer_taken;

    return in_flight < s->peer_space ? s->peer_space - in_flight : 0;
}

static bool in_chunks(const struct vsock_stream *s)
{
    return s->is_chunked && !s->chunks_out.is_raw;
}

uint32_t vsock_stream_sendable(struct vsock_stream *s)
{
    uint32_t n = credit(s);

    if (in_chunks(s) && n <= TUNNEL_CHUNK_HEAD_LEN)
        n = 0;
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

static ssize_t read_socket(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    struct msghdr mh = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };
    ssize_t n;

    do {
        n = recvmsg(s->fd, &mh, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* The same, with room for a head in front. */
static ssize_t read_chunk(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    bool is_last = s->chunks_out.n >= TUNNEL_CHUNKED_MAX;
    struct iovec body[PIECES_MAX];
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];
    size_t room = pieces_len(iov, n_iov);
    ssize_t n;

    if (room <= sizeof(head)) {
        errno = EPROTO; /* such buffers no guest offers in earnest */
        return -1;
    }
    room -= sizeof(head);
    if (!is_last && room > TUNNEL_CHUNK_LEN_MAX)
        room = TUNNEL_CHUNK_LEN_MAX;
    n = read_socket(s, body, pieces_slice(iov, sizeof(head), room, body));
    if (n < 0)
        return n;
    if (n > 0 && is_last) {
        tunnel_chunk_raw(head);
        s->chunks_out.is_raw = true;
    } else {
        tunnel_chunk_head(head, (size_t)n);
        s->chunks_out.has_ended = n == 0;
    }
    pieces_put(iov, head, sizeof(head));
    return n;
}

/* What the connection itself has. */
static size_t read_connection(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    size_t head = 0;
    ssize_t n;

    if (in_chunks(s)) {
        n = read_chunk(s, iov, n_iov);
        head = n < 0 ? 0 : TUNNEL_CHUNK_HEAD_LEN;
    } else {
        n = read_socket(s, iov, n_iov);
    }
    s->sent += (uint32_t)head;
    if (n > 0) {
        s->sent += (uint32_t)n;
        s->chunks_out.n += (size_t)n;
        VSOCK_COUNT(s, bytes_to_guest, n);
        return head + (size_t)n;
    }
    s->readable = false;
    if (n == 0) {
        s->host_eof = true;
        s->discards = s->discards || s->hung_up;
        vsock_stream_settle(s);
    } else if (errno != EAGAIN) {
        vsock_stream_abort(s, errno);
    }
    return head;
}

/* A preface and what follows it go together: a packet less to be taken in. */
size_t vsock_stream_read(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov)
{
    struct iovec rest[PIECES_MAX];
    size_t n, room = pieces_len(iov, n_iov);

    if (s->preface.n == 0)
        return read_connection(s, iov, n_iov);
    n = read_preface(s, iov, n_iov);
    s->sent += (uint32_t)n;
    room -= n;
    if (room <= TUNNEL_CHUNK_HEAD_LEN)
        return n;
    return n + read_connection(s, rest, pieces_slice(iov, n, room, rest));
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
