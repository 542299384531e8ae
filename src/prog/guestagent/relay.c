/*
 * Theory of operation. A direction reads from one end and writes to the other. What cannot be
 * written at once is kept, and the direction rests until the other end is writable. The sockets are
 * watched edge-triggered; "readable" remembers what is known. Writability is asked for only while
 * something is kept, because a vsock socket tells of it with every packet.
 *
 * A direction is over when its last byte is out and shutdown(SHUT_WR) was done, or when the end
 * that it leads to takes no more ("discards"; then the rest is dropped). A relay whose directions
 * are both over closes its sockets: that is an orderly end. When the host resets a stream, or
 * closes it both ways, the socket shows end of file and refuses to send; while our own direction
 * has not ended, that is a reset, and so becomes one of the peer.
 *
 * In chunks (wire/tunnel.h) both directions of the stream end without a word of the kernel's. Then
 * the relay gives the stream back instead of closing it. The host uses it again as soon as it has
 * seen both ends: once we have sent ours, a close may hit the next connection. So a peer that takes
 * no more, which would be a reason to close, is no hurry: what the host still has is dropped until
 * its end comes, as it mostly does at once.
 */
#include "prog/guestagent/relay.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
/* after sys/socket.h, whose types it uses */
#include <linux/vm_sockets.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/sock.h"
#include "wire/tunnel.h"

enum {
    STREAM,
    PEER,
    TURN_MAX = 2 * RELAY_CHUNK_MAX, /* bytes of a direction before others have their turn */
};

/* A vsock socket starts with room for 256 KiB from the host. The first streams that carry much get
 * more, so that the host need not wait for each of our answers. */
#define WIDE_SIZE  (1024u * 1024)
#define WIDE_CHUNK (64u * 1024)
#define WIDE_MAX   16 /* streams: what is not read stays in the kernel's memory */

struct relay_end {
    struct ev_source source;
    int fd;
    bool readable;   /* reading may yield something */
    bool hung_up;    /* its other side has closed at least one direction */
    bool eof;        /* it yields no more */
    bool write_shut; /* everything for it is out, and the end was told */
    bool discards;   /* it takes no more */
    bool delays;     /* a TCP socket without TCP_NODELAY */
    size_t chunk;    /* bytes to read from it at once */
    char *kept;      /* what it did not take yet */
    size_t kept_at, n_kept;
};

struct relay {
    struct list link;
    struct relay_pool *pool; /* borrowed */
    struct relay_end ends[2];
    struct ev_task turn;
    struct ev_timer host_end;
    unsigned flags;
    int spare_family;
    bool is_wide;
    struct {
        struct tunnel_chunks in;
        size_t n_out; /* bytes to the host so far */
        bool out_is_raw, out_has_ended;
        struct sb rest; /* what the stream brought after the end */
    } chunks;
};

static void reset_on_close(int fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void relay_close_with_reset(int take_fd)
{
    if (take_fd < 0)
        return;
    reset_on_close(take_fd);
    (void)close(take_fd);
}

static void drop_kept(struct relay *r, struct relay_end *end)
{
    r->pool->n_kept -= end->n_kept;
    end->n_kept = end->kept_at = 0;
    free(MOVE(end->kept));
}

static void relay_free(struct relay *r, bool with_reset)
{
    if (with_reset)
        reset_on_close(r->ends[PEER].fd);
    for (int i = STREAM; i <= PEER; i++) {
        struct relay_end *end = &r->ends[i];

        drop_kept(r, end);
        if (end->source.fd >= 0)
            evloop_close(r->pool->loop, &end->source); /* a stream before its end: a reset */
        else if (end->fd >= 0)
            (void)close(end->fd);
    }
    ev_task_cancel(&r->turn);
    ev_timer_stop(&r->host_end);
    sb_done(&r->chunks.rest);
    list_remove(&r->link);
    r->pool->n_relays--;
    r->pool->n_wide -= r->is_wide;
    free(r);
}

static void keep(struct relay *r, struct relay_end *to, const char *bytes, size_t n)
{
    assert(to->n_kept == 0);
    to->kept = mem_dup(bytes, n);
    to->n_kept = n;
    r->pool->n_kept += n;
    evloop_change(r->pool->loop, &to->source, RELAY_EVENTS | EPOLLOUT);
}

/* Bytes that the end took, or discarded. False: the connection is broken. */
static bool write_some(struct relay_end *to, const char *bytes, size_t n, size_t *out_n)
{
    ssize_t done;

    /* Only now: connections to which just one thing is said are many. */
    if (to->delays)
        sock_tcp_no_delay(to->fd);
    to->delays = false;
    do {
        done = send(to->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EPIPE) {
        to->discards = true;
        done = (ssize_t)n;
    } else if (done < 0 && errno == EAGAIN) {
        done = 0;
    }
    *out_n = done < 0 ? 0 : (size_t)done;
    return done >= 0;
}

/* True when nothing is kept for the end any more. */
static bool flush_kept(struct relay *r, struct relay_end *to, bool *out_broken)
{
    size_t n;

    if (to->n_kept == 0)
        return true;
    *out_broken = !write_some(to, to->kept + to->kept_at, to->n_kept, &n);
    to->kept_at += n;
    to->n_kept -= n;
    r->pool->n_kept -= n;
    if (*out_broken || to->n_kept > 0)
        return false;
    drop_kept(r, to);
    evloop_change(r->pool->loop, &to->source, RELAY_EVENTS);
    return true;
}

static void widen(struct relay *r)
{
    const uint64_t size = WIDE_SIZE;
    int fd = r->ends[STREAM].fd;

    if (r->is_wide || r->pool->n_wide == WIDE_MAX ||
        ((r->flags & RELAY_CHUNKED) && !r->chunks.in.is_raw)) /* it may serve others, too */
        return;
    r->is_wide =
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof(size)) == 0 &&
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size)) == 0;
    r->pool->n_wide += r->is_wide;
}

static void grow_chunk(struct relay *r, struct relay_end *from)
{
    if (from->chunk < RELAY_CHUNK_MAX)
        from->chunk *= 2;
    if (from->chunk >= WIDE_CHUNK && from == &r->ends[STREAM])
        widen(r);
}

static bool in_chunks(const struct relay *r)
{
    return (r->flags & RELAY_CHUNKED) && !r->chunks.out_is_raw;
}

/* Makes bytes of what the stream brought in chunks, in place; returns how many they are. */
static size_t unwrap(struct relay *r, char *bytes, size_t n)
{
    struct sv in = { bytes, n }, piece;
    size_t n_out = 0;

    for (;;) {
        switch (tunnel_chunks_take(&r->chunks.in, &in, &piece)) {
        case TUNNEL_PIECE_BYTES:
            memmove(bytes + n_out, piece.p, piece.n);
            n_out += piece.n;
            break;
        case TUNNEL_PIECE_END:
            r->ends[STREAM].eof = true;
            sb_put(&r->chunks.rest, in);
            return n_out;
        case TUNNEL_PIECE_NONE:
            return n_out;
        }
    }
}

/* Reads into the scratch space, with room in front for the head of a chunk if there is to be one.
 */
static ssize_t read_some(struct relay *r, const struct relay_end *from, size_t want, size_t *out_at)
{
    bool wraps = from == &r->ends[PEER] && in_chunks(r);
    bool is_last = wraps && r->chunks.n_out >= TUNNEL_CHUNKED_MAX;
    char *scratch = r->pool->scratch;
    ssize_t n;

    *out_at = TUNNEL_CHUNK_HEAD_LEN;
    n = recv(from->fd, scratch + *out_at, want, MSG_DONTWAIT);
    if (n <= 0 || !wraps)
        return n;
    if (is_last) {
        tunnel_chunk_raw((uint8_t *)scratch);
        r->chunks.out_is_raw = true;
    } else {
        tunnel_chunk_head((uint8_t *)scratch, (size_t)n);
    }
    *out_at = 0;
    r->chunks.n_out += (size_t)n;
    return n;
}

/* How much to read at once. */
static size_t read_size(const struct relay *r, const struct relay_end *from)
{
    size_t size = r->pool->n_kept > RELAY_KEPT_MAX ? RELAY_CHUNK_MIN : from->chunk;

    return size > TUNNEL_CHUNK_LEN_MAX && from == &r->ends[PEER] && in_chunks(r)
               ? TUNNEL_CHUNK_LEN_MAX
               : size;
}

/* Moves what can be moved now. False: the connection is broken. */
static bool pump(struct relay *r, struct relay_end *from, struct relay_end *to)
{
    size_t n_moved = 0;
    bool broken = false;

    if (!flush_kept(r, to, &broken))
        return !broken;
    while (from->readable && !from->eof) {
        size_t want = read_size(r, from), at, len, n_out;
        ssize_t n;

        if (n_moved >= TURN_MAX)
            return true; /* still readable: another turn follows */
        n = read_some(r, from, want, &at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0 || ((size_t)n < want && !from->hung_up))
            from->readable = false;
        if (n == 0)
            from->eof = true;
        if (n <= 0)
            break;
        n_moved += (size_t)n;
        if ((size_t)n == from->chunk)
            grow_chunk(r, from);
        len = (size_t)n + TUNNEL_CHUNK_HEAD_LEN - at;
        if (from == &r->ends[STREAM] && (r->flags & RELAY_CHUNKED))
            len = unwrap(r, r->pool->scratch + at, len);
        if (to->discards || len == 0)
            continue;
        if (!write_some(to, r->pool->scratch + at, len, &n_out))
            return false;
        if (n_out < len) {
            keep(r, to, r->pool->scratch + at + n_out, len - n_out);
            break;
        }
    }
    return true;
}

/* Ends the direction to the host in chunks. False: the connection is broken. */
static bool say_end(struct relay *r, struct relay_end *stream)
{
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];
    size_t n;

    r->chunks.out_has_ended = true;
    tunnel_chunk_head(head, 0);
    if (!write_some(stream, (const char *)head, sizeof(head), &n))
        return false;
    if (n < sizeof(head))
        keep(r, stream, (const char *)head + n, sizeof(head) - n);
    return true;
}

/* Passes an end on, after the last byte. False: the connection is broken. */
static bool pass_end(struct relay *r, const struct relay_end *from, struct relay_end *to)
{
    bool wraps = to == &r->ends[STREAM] && in_chunks(r);

    if (!from->eof || to->n_kept > 0 || to->write_shut || to->discards)
        return true;
    if (wraps && !r->chunks.out_has_ended && !say_end(r, to))
        return false;
    if (to->n_kept > 0)
        return true;
    if (!wraps)
        (void)shutdown(to->fd, SHUT_WR);
    to->write_shut = true;
    return true;
}

/* Does the host take no more? Only asked after its end of file. */
static bool is_refused(const struct relay_end *stream)
{
    return send(stream->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

static void run(struct relay *r);

static void turn_comes(struct ev_task *task)
{
    run(CONTAINER_OF(task, struct relay, turn));
}

static bool wants_turn(const struct relay_end *from, const struct relay_end *to)
{
    return from->readable && !from->eof && to->n_kept == 0;
}

/* Everything went well in chunks, so the stream may serve another connection. */
static bool is_reusable(const struct relay *r)
{
    const struct relay_end *stream = &r->ends[STREAM];

    return r->chunks.in.has_ended && r->chunks.out_has_ended && stream->write_shut &&
           !stream->discards && !stream->hung_up;
}

static void finish(struct relay *r)
{
    struct relay_pool *pool = r->pool;
    struct relay_end *stream = &r->ends[STREAM], *peer = &r->ends[PEER];

    if (r->spare_family && peer->eof && peer->write_shut &&
        spares_give(&pool->spares, &peer->source, r->spare_family))
        peer->fd = -1;
    if (is_reusable(r)) {
        if (stream->readable)
            evloop_change(pool->loop, &stream->source, RELAY_EVENTS);
        pool->on_idle(pool->arg, MOVE_FD(stream->fd), &stream->source, sb_view(&r->chunks.rest));
    }
    relay_free(r, false);
}

static void host_does_not_end(struct ev_timer *timer)
{
    finish(CONTAINER_OF(timer, struct relay, host_end));
}

/* Our end is out in chunks, and that of the host may be on its way. */
static bool awaits_host_end(const struct relay *r)
{
    const struct relay_end *stream = &r->ends[STREAM];

    return in_chunks(r) && r->chunks.out_has_ended && !r->chunks.in.is_raw &&
           !r->chunks.in.has_ended && !stream->hung_up && !stream->discards;
}

/* May free the relay. */
static void run(struct relay *r)
{
    struct relay_end *stream = &r->ends[STREAM], *peer = &r->ends[PEER];

    if (!pump(r, stream, peer) || !pump(r, peer, stream)) {
        relay_free(r, true);
        return;
    }
    /* In chunks the end comes before the kernel has anything to say about the stream. */
    if (stream->eof && !stream->write_shut && !stream->discards &&
        (stream->hung_up || !r->chunks.in.has_ended) && is_refused(stream)) {
        if (!(r->flags & RELAY_FROM_UNIX)) {
            relay_free(r, true);
            return;
        }
        stream->discards = true;
    }
    if (!pass_end(r, stream, peer) || !pass_end(r, peer, stream)) {
        relay_free(r, true);
        return;
    }
    if (peer->hung_up && peer->eof && !peer->write_shut && is_refused(peer))
        peer->discards = true; /* a Unix socket whose other side is closed */
    if ((stream->write_shut || stream->discards) && (peer->write_shut || peer->discards)) {
        if (!awaits_host_end(r)) {
            finish(r);
            return;
        }
        if (!ev_timer_is_running(&r->host_end))
            ev_timer_start(r->pool->loop, &r->host_end, TUNNEL_HOST_END_MS, host_does_not_end);
    }
    if (wants_turn(stream, peer) || wants_turn(peer, stream))
        ev_task_queue(r->pool->loop, &r->turn, turn_comes);
}

static void end_ready(struct relay *r, struct relay_end *end, uint32_t events)
{
    if (events & EPOLLERR) {
        int error = 0;
        socklen_t len = sizeof(error);

        (void)getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error && error != EPIPE) {
            relay_free(r, true);
            return;
        }
    }
    end->hung_up = end->hung_up || (events & (EPOLLRDHUP | EPOLLHUP));
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        end->readable = true;
    run(r);
}

static void stream_ready(struct ev_source *source, uint32_t events)
{
    struct relay *r = CONTAINER_OF(source, struct relay, ends[STREAM].source);

    end_ready(r, &r->ends[STREAM], events);
}

static void peer_ready(struct ev_source *source, uint32_t events)
{
    struct relay *r = CONTAINER_OF(source, struct relay, ends[PEER].source);

    end_ready(r, &r->ends[PEER], events);
}

/* What is ready is told of ends that are watched from now on; of a stream that was watched before,
 * what its owner left unread is told as well (struct relay_start). */
static bool watch_end(struct relay *r, struct relay_end *end, struct ev_source *watched,
                      ev_source_fn on_ready, struct err **errp)
{
    if (!watched)
        return evloop_add(r->pool->loop, &end->source, end->fd, RELAY_EVENTS, on_ready, errp);
    evloop_move(r->pool->loop, watched, &end->source, on_ready);
    return true;
}

static bool send_first(struct relay *r, const struct relay_start *how)
{
    struct relay_end *peer = &r->ends[PEER];
    char *bytes = r->pool->scratch;
    size_t len = how->first.n, n;

    if (len == 0)
        return true;
    memcpy(bytes, how->first.p, len);
    if (r->flags & RELAY_CHUNKED) {
        len = unwrap(r, bytes, len);
        if (r->ends[STREAM].eof)
            ev_task_queue(r->pool->loop, &r->turn, turn_comes);
    }
    assert(how->n_sent <= len);
    if (how->n_sent == len)
        return true;
    bytes += how->n_sent;
    len -= how->n_sent;
    if (!write_some(peer, bytes, len, &n))
        return false;
    if (n < len)
        keep(r, peer, bytes + n, len - n);
    return true;
}

void relay_start(struct relay_pool *pool, const struct relay_start *how)
{
    struct relay *r = mem_new(struct relay);
    auto_err struct err *err = NULL;

    assert(how->first.n <= RELAY_CHUNK_MAX && (pool->on_idle || !(how->flags & RELAY_CHUNKED)));

    r->pool = pool;
    r->flags = how->flags;
    r->spare_family = how->spare_family;
    for (int i = STREAM; i <= PEER; i++)
        r->ends[i] =
            (struct relay_end){ .fd = i == STREAM ? how->take_stream_fd : how->take_peer_fd,
                                .source.fd = -1,
                                .chunk = RELAY_CHUNK_MIN * 2 };
    r->ends[PEER].delays = how->n_sent > 0;
    list_push_back(&pool->relays, &r->link);
    pool->n_relays++;
    if (!watch_end(r, &r->ends[PEER], how->peer_watched, peer_ready, &err) ||
        !watch_end(r, &r->ends[STREAM], how->watched, stream_ready, &err)) {
        log_warn("A forwarded connection is lost: %s", err_text(err));
        relay_free(r, true);
    } else if (!send_first(r, how)) {
        relay_free(r, true);
    }
}

void relay_pool_init(struct relay_pool *pool, struct evloop *loop)
{
    *pool = (struct relay_pool){ .loop = loop };
    list_init(&pool->relays);
    spares_init(&pool->spares, loop);
    pool->scratch = mem_alloc(TUNNEL_CHUNK_HEAD_LEN + RELAY_CHUNK_MAX);
}

void relay_pool_done(struct relay_pool *pool)
{
    while (!list_is_empty(&pool->relays))
        relay_free(CONTAINER_OF(pool->relays.next, struct relay, link), true);
    spares_done(&pool->spares);
    free(pool->scratch);
    *pool = (struct relay_pool){ 0 };
}
