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
 */
#include "prog/guestagent/relay.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
/* after sys/socket.h, whose types it uses */
#include <linux/vm_sockets.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    STREAM,
    PEER,
    TURN_MAX = 2 * RELAY_CHUNK_MAX, /* bytes of a direction before others have their turn */
};

#define EVENTS_READ (EPOLLIN | EPOLLRDHUP | EPOLLET)

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
    size_t chunk;    /* bytes to read from it at once */
    char *kept;      /* what it did not take yet */
    size_t kept_at, n_kept;
};

struct relay {
    struct list link;
    struct relay_pool *pool; /* borrowed */
    struct relay_end ends[2];
    struct ev_task turn;
    unsigned flags;
    bool is_wide;
};

void relay_close_with_reset(int take_fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (take_fd < 0)
        return;
    (void)setsockopt(take_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
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
    for (int i = STREAM; i <= PEER; i++) {
        drop_kept(r, &r->ends[i]);
        evloop_remove(r->pool->loop, &r->ends[i].source);
    }
    ev_task_cancel(&r->turn);
    (void)close(r->ends[STREAM].fd); /* before its own direction has ended: a reset */
    if (with_reset)
        relay_close_with_reset(r->ends[PEER].fd);
    else
        (void)close(r->ends[PEER].fd);
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
    evloop_change(r->pool->loop, &to->source, EVENTS_READ | EPOLLOUT);
}

/* Bytes that the end took, or discarded. False: the connection is broken. */
static bool write_some(struct relay_end *to, const char *bytes, size_t n, size_t *out_n)
{
    ssize_t done;

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
    evloop_change(r->pool->loop, &to->source, EVENTS_READ);
    return true;
}

static void widen(struct relay *r)
{
    const uint64_t size = WIDE_SIZE;
    int fd = r->ends[STREAM].fd;

    if (r->is_wide || r->pool->n_wide == WIDE_MAX)
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
    if (from->chunk == WIDE_CHUNK && from == &r->ends[STREAM])
        widen(r);
}

/* Moves what can be moved now. False: the connection is broken. */
static bool pump(struct relay *r, struct relay_end *from, struct relay_end *to)
{
    size_t n_moved = 0;
    bool broken = false;

    if (!flush_kept(r, to, &broken))
        return !broken;
    while (from->readable && !from->eof) {
        size_t want = r->pool->n_kept > RELAY_KEPT_MAX ? RELAY_CHUNK_MIN : from->chunk, n_out;
        ssize_t n;

        if (n_moved >= TURN_MAX)
            return true; /* still readable: another turn follows */
        n = recv(from->fd, r->pool->scratch, want, MSG_DONTWAIT);
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
        if (to->discards)
            continue;
        if (!write_some(to, r->pool->scratch, (size_t)n, &n_out))
            return false;
        if (n_out < (size_t)n) {
            keep(r, to, r->pool->scratch + n_out, (size_t)n - n_out);
            break;
        }
    }
    return true;
}

/* Passes an end on, after the last byte. */
static void pass_end(const struct relay_end *from, struct relay_end *to)
{
    if (!from->eof || to->n_kept > 0 || to->write_shut)
        return;
    (void)shutdown(to->fd, SHUT_WR);
    to->write_shut = true;
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

/* May free the relay. */
static void run(struct relay *r)
{
    struct relay_end *stream = &r->ends[STREAM], *peer = &r->ends[PEER];

    if (!pump(r, stream, peer) || !pump(r, peer, stream)) {
        relay_free(r, true);
        return;
    }
    if (stream->eof && !stream->write_shut && !stream->discards && is_refused(stream)) {
        if (!(r->flags & RELAY_FROM_UNIX)) {
            relay_free(r, true);
            return;
        }
        stream->discards = true;
    }
    pass_end(stream, peer);
    pass_end(peer, stream);
    if (peer->hung_up && peer->eof && !peer->write_shut && is_refused(peer))
        peer->discards = true; /* a Unix socket whose other side is closed */
    if ((stream->write_shut || stream->discards) && (peer->write_shut || peer->discards)) {
        relay_free(r, false);
        return;
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

/* Readiness is told as soon as an end is watched. */
static bool watch_ends(struct relay *r, struct ev_source *watched, struct err **errp)
{
    struct relay_end *stream = &r->ends[STREAM], *peer = &r->ends[PEER];
    struct evloop *loop = r->pool->loop;

    if (watched)
        evloop_move(loop, watched, &stream->source, EVENTS_READ, stream_ready);
    else if (!evloop_add(loop, &stream->source, stream->fd, EVENTS_READ, stream_ready, errp))
        return false;
    return evloop_add(loop, &peer->source, peer->fd, EVENTS_READ, peer_ready, errp);
}

static bool send_first(struct relay *r, struct sv first)
{
    size_t n;

    if (first.n == 0)
        return true;
    if (!write_some(&r->ends[PEER], first.p, first.n, &n))
        return false;
    if (n < first.n)
        keep(r, &r->ends[PEER], first.p + n, first.n - n);
    return true;
}

void relay_start(struct relay_pool *pool, int take_stream_fd, struct ev_source *watched,
                 int take_peer_fd, struct sv first, unsigned flags)
{
    struct relay *r = mem_new(struct relay);
    auto_err struct err *err = NULL;

    r->pool = pool;
    r->flags = flags;
    for (int i = STREAM; i <= PEER; i++)
        r->ends[i] = (struct relay_end){ .fd = i == STREAM ? take_stream_fd : take_peer_fd,
                                         .source.fd = -1,
                                         .chunk = RELAY_CHUNK_MIN * 2 };
    list_push_back(&pool->relays, &r->link);
    pool->n_relays++;
    if (!watch_ends(r, watched, &err)) {
        log_warn("A forwarded connection is lost: %s", err_text(err));
        relay_free(r, true);
    } else if (!send_first(r, first)) {
        relay_free(r, true);
    }
}

void relay_pool_init(struct relay_pool *pool, struct evloop *loop)
{
    *pool = (struct relay_pool){ .loop = loop };
    list_init(&pool->relays);
    pool->scratch = mem_alloc(RELAY_CHUNK_MAX);
}

void relay_pool_done(struct relay_pool *pool)
{
    while (!list_is_empty(&pool->relays))
        relay_free(CONTAINER_OF(pool->relays.next, struct relay, link), true);
    free(pool->scratch);
    *pool = (struct relay_pool){ 0 };
}
