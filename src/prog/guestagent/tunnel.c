/*
 * States of a stream: its preface is awaited (entry), then its target is dialled (dial), then it is
 * a relay of the pool, or a session with a UDP socket (entry again, with datagrams). A relay in
 * chunks gives its stream back when it has ended, and another preface is awaited.
 */
#include "prog/guestagent/tunnel.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
/* after sys/socket.h, whose types it uses */
#include <linux/vm_sockets.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/guestagent/datagrams.h"
#include "prog/guestagent/dial.h"

enum {
    PREFACE_MS = 30000, /* it comes at once, but a machine may be very busy */
    PAUSE_MS = 100,     /* of accepting, without descriptors */
    UDP_READS_MAX = 64, /* before others have their turn */
};

struct tunnel {
    struct relay_pool *pool;            /* borrowed */
    const struct tunnel_events *events; /* borrowed */
    void *arg;                          /* borrowed */
    int listen_fd;
    struct ev_source source;
    struct ev_timer pause;
    struct list entries;
};

struct entry {
    struct list link;
    struct tunnel *t; /* borrowed */
    int fd;           /* the stream, until it is handed on */
    struct ev_source source; /* for RELAY_EVENTS: it may become a relay's */
    bool has_more;           /* than was read of the stream, or its end */
    struct ev_timer timer;
    struct sb in;
    struct tunnel_preface preface; /* points into in */
    struct sv rest;                /* what followed it */
    struct dial *dial;
    int udp_fd;
    struct ev_source udp_source;
    struct datagrams datagrams;
};

static struct evloop *loop_of(const struct entry *e)
{
    return e->t->pool->loop;
}

/* What it still has is reset. */
static void entry_free(struct entry *e)
{
    evloop_remove(loop_of(e), &e->source);
    evloop_remove(loop_of(e), &e->udp_source);
    ev_timer_stop(&e->timer);
    dial_cancel(e->dial);
    datagrams_done(&e->datagrams);
    if (e->fd >= 0)
        (void)close(e->fd);
    if (e->udp_fd >= 0)
        (void)close(e->udp_fd);
    sb_done(&e->in);
    list_remove(&e->link);
    free(e);
}

/* UDP sessions. */

static void udp_ready(struct ev_source *source, uint32_t events)
{
    struct entry *e = CONTAINER_OF(source, struct entry, udp_source);
    char *scratch = e->t->pool->scratch;

    for (int i = 0; i < UDP_READS_MAX; i++) {
        ssize_t n = recv(e->udp_fd, scratch, TUNNEL_DATAGRAM_LEN_MAX, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) { /* nobody is there */
            entry_free(e);
            return;
        }
        datagrams_send(&e->datagrams, (struct sv){ scratch, (size_t)n });
    }
}

static void datagram_came(struct datagrams *d, struct sv datagram)
{
    struct entry *e = CONTAINER_OF(d, struct entry, datagrams);

    if (send(e->udp_fd, datagram.p, datagram.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno == ECONNREFUSED)
        entry_free(e);
}

static void session_ended(struct datagrams *d)
{
    entry_free(CONTAINER_OF(d, struct entry, datagrams));
}

static void start_session(struct entry *e, int take_udp_fd)
{
    static const struct datagrams_events events = { datagram_came, session_ended };

    e->udp_fd = take_udp_fd;
    evloop_remove(loop_of(e), &e->source);
    if (!evloop_add(loop_of(e), &e->udp_source, e->udp_fd, EPOLLIN, udp_ready, NULL) ||
        !datagrams_init(&e->datagrams, loop_of(e), MOVE_FD(e->fd), e->rest, &events))
        entry_free(e);
}

/* Dialling. */

static unsigned relay_flags(const struct tunnel_preface *preface)
{
    return (preface->flags & TUNNEL_FROM_UNIX ? RELAY_FROM_UNIX : 0u) |
           (preface->flags & TUNNEL_CHUNKED ? RELAY_CHUNKED : 0u);
}

static void dial_done(void *arg, const struct dial_result *result)
{
    struct entry *e = arg;

    e->dial = NULL;
    if (result->take_fd < 0) {
        log_debug("A forwarded connection is refused: %s", strerror(result->error));
        entry_free(e);
    } else if (e->preface.kind == TUNNEL_UDP) {
        start_session(e, result->take_fd);
    } else {
        bool is_watched = e->source.fd >= 0;

        if (is_watched && e->has_more)
            evloop_change(loop_of(e), &e->source, RELAY_EVENTS);
        relay_start(e->t->pool, &(struct relay_start){ .take_stream_fd = MOVE_FD(e->fd),
                                                       .watched = is_watched ? &e->source : NULL,
                                                       .take_peer_fd = result->take_fd,
                                                       .peer_watched = result->watched,
                                                       .spare_family = result->spare_family,
                                                       .first = e->rest,
                                                       .n_sent = result->n_sent,
                                                       .flags = relay_flags(&e->preface) });
        entry_free(e);
    }
}

static bool is_wildcard(struct sv address)
{
    for (size_t i = 0; i < address.n; i++)
        if (address.p[i])
            return false;
    return true;
}

/* What came with the preface for the target. */
static struct sv early_bytes(const struct entry *e)
{
    struct tunnel_chunks chunks = { 0 };
    struct sv rest = e->rest, piece;

    if (e->preface.kind != TUNNEL_TCP)
        return SV("");
    if (!(e->preface.flags & TUNNEL_CHUNKED))
        return rest;
    return tunnel_chunks_take(&chunks, &rest, &piece) == TUNNEL_PIECE_BYTES ? piece : SV("");
}

static void dial_target(struct entry *e)
{
    const struct tunnel_preface *p = &e->preface;
    struct tunnel *t = e->t;
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    size_t n = 1;
    struct dial *dial;

    if (p->kind == TUNNEL_UNIX)
        addresses[0] = dial_address_unix(p->path);
    else if (is_wildcard(p->address))
        n = dial_own_addresses(p->address, p->port,
                               t->events->is_nat && t->events->is_nat(t->arg, p->kind, p->port),
                               addresses);
    else
        addresses[0] = dial_address_ip(p->address, p->port);
    dial =
        dial_start(&t->pool->spares, addresses, n, p->kind == TUNNEL_UDP ? SOCK_DGRAM : SOCK_STREAM,
                   early_bytes(e), dial_done, e);
    if (!dial)
        return; /* it is over, as it mostly is */
    e->dial = dial;
    evloop_remove(loop_of(e), &e->source);
}

/* The preface. */

/* True when more of it is to come; else the entry may be gone. */
static bool take_preface(struct entry *e)
{
    auto_err struct err *err = NULL;

    e->rest = sb_view(&e->in);
    switch (tunnel_preface_take(&e->rest, &e->preface, &err)) {
    case TUNNEL_MORE:
        return true;
    case TUNNEL_TAKEN:
        ev_timer_stop(&e->timer);
        dial_target(e);
        return false;
    case TUNNEL_BROKEN:
        log_warn("A forwarded connection is refused: %s", err_text(err));
        entry_free(e);
        return false;
    }
    return false;
}

static bool read_preface(struct entry *e)
{
    size_t size = 4 * TUNNEL_PREFACE_LEN_MAX - e->in.n;
    ssize_t n;

    do {
        n = recv(e->fd, sb_reserve(&e->in, size), size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0) {
        entry_free(e);
        return false;
    }
    e->has_more = e->has_more || (size_t)n == size;
    sb_commit(&e->in, (size_t)n);
    return take_preface(e);
}

static void preface_ready(struct ev_source *source, uint32_t events)
{
    struct entry *e = CONTAINER_OF(source, struct entry, source);

    e->has_more = events & ~(uint32_t)EPOLLIN; /* its end, which is told only once */
    if (read_preface(e) && e->has_more)
        (void)read_preface(e);
}

static void preface_overdue(struct ev_timer *timer)
{
    entry_free(CONTAINER_OF(timer, struct entry, timer));
}

static struct entry *new_entry(struct tunnel *t, int take_fd)
{
    struct entry *e = mem_new(struct entry);

    e->t = t;
    e->fd = take_fd;
    e->udp_fd = e->source.fd = e->udp_source.fd = -1;
    list_push_back(&t->entries, &e->link);
    return e;
}

void tunnel_take(struct tunnel *t, int take_fd)
{
    struct entry *e = new_entry(t, take_fd);

    if (!read_preface(e)) /* it mostly comes with the connection */
        return;
    ev_timer_start(loop_of(e), &e->timer, PREFACE_MS, preface_overdue);
    if (!evloop_add(loop_of(e), &e->source, take_fd, RELAY_EVENTS, preface_ready, NULL))
        entry_free(e);
}

/* The next preface comes whenever the host has another connection, if ever. */
static void stream_idle(void *arg, int take_fd, struct ev_source *watched, struct sv rest)
{
    struct entry *e = new_entry(arg, take_fd);

    evloop_move(loop_of(e), watched, &e->source, preface_ready);
    sb_put(&e->in, rest);
    if (rest.n > 0)
        (void)take_preface(e);
}

/* Accepting. */

static bool is_host(const struct sockaddr_storage *peer)
{
    return peer->ss_family != AF_VSOCK ||
           ((const struct sockaddr_vm *)peer)->svm_cid == VMADDR_CID_HOST;
}

static void pause_over(struct ev_timer *timer)
{
    struct tunnel *t = CONTAINER_OF(timer, struct tunnel, pause);

    evloop_change(t->pool->loop, &t->source, EPOLLIN);
}

/* One connection at a time, and only when there is one: Linux's vsock puts a process that asks in
 * vain to sleep for a tick, non-blocking or not. The loop comes back while there are more. */
static void listener_ready(struct ev_source *source, uint32_t events)
{
    struct tunnel *t = CONTAINER_OF(source, struct tunnel, source);
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof(peer);
    int fd = accept4(t->listen_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        log_debug("Forwarded connections wait: %s", strerror(errno));
        evloop_change(t->pool->loop, &t->source, 0);
        ev_timer_start(t->pool->loop, &t->pause, PAUSE_MS, pause_over);
    } else if (fd >= 0 && is_host(&peer)) {
        tunnel_take(t, fd);
    } else if (fd >= 0) {
        log_warn("A connection from inside the guest to the tunnel is refused");
        (void)close(fd);
    }
}

struct tunnel *tunnel_new(struct relay_pool *pool, const struct tunnel_events *events, void *arg)
{
    struct tunnel *t = mem_new(struct tunnel);

    t->pool = pool;
    t->events = events;
    t->arg = arg;
    t->listen_fd = t->source.fd = -1;
    list_init(&t->entries);
    pool->on_idle = stream_idle;
    pool->arg = t;
    return t;
}

void tunnel_free(struct tunnel *t)
{
    if (!t)
        return;
    while (!list_is_empty(&t->entries))
        entry_free(CONTAINER_OF(t->entries.next, struct entry, link));
    ev_timer_stop(&t->pause);
    evloop_remove(t->pool->loop, &t->source);
    if (t->listen_fd >= 0)
        (void)close(t->listen_fd);
    free(t);
}

bool tunnel_listen(struct tunnel *t, int take_listen_fd, struct err **errp)
{
    auto_fd int fd = take_listen_fd;

    if (!evloop_add(t->pool->loop, &t->source, fd, EPOLLIN, listener_ready, errp))
        return false;
    t->listen_fd = MOVE_FD(fd);
    return true;
}

bool tunnel_is_listening(const struct tunnel *t)
{
    return t->listen_fd >= 0;
}
