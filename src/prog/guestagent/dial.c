#include "prog/guestagent/dial.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "base/mem.h"
#include "sys/sock.h"

enum { AGAIN_MS = 20 }; /* a Unix listener whose queue is full */

struct dial {
    struct evloop *loop;   /* borrowed */
    struct spares *spares; /* borrowed; NULL with dial_wait() */
    struct ev_source source;
    struct ev_timer timer, again;
    int fd;
    bool is_spare; /* fd, still watched as such */
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    size_t n_addresses, at;
    int type;
    struct sv early; /* borrowed */
    size_t n_sent;
    dial_done_fn on_done;
    void *arg; /* borrowed */
};

static void free_dial(struct dial *d)
{
    ev_timer_stop(&d->timer);
    ev_timer_stop(&d->again);
    evloop_remove(d->loop, &d->source);
    if (d->fd >= 0)
        (void)close(d->fd);
    free(d);
}

void dial_cancel(struct dial *d)
{
    if (d)
        free_dial(d);
}

/* dial_wait() knows of no type: its sockets are vsock's. */
static bool is_tcp(const struct dial *d)
{
    return d->type == SOCK_STREAM && d->addresses[d->at - 1].addr.ss_family != AF_UNIX;
}

/* With which the socket may be a spare: what maps IPv4 into IPv6 changes a socket for good. */
static int spare_family(const struct dial *d)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&d->addresses[d->at - 1].addr;

    return v6->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 0
                                                                               : v6->sin6_family;
}

static void connect_ready(struct ev_source *source, uint32_t events);

static void finish(struct dial *d, int error)
{
    struct dial_result result = { .take_fd = -1, .error = error, .n_sent = d->n_sent };
    struct ev_source watched;
    dial_done_fn on_done = d->on_done;
    void *arg = d->arg;

    if (!error) {
        result.take_fd = MOVE_FD(d->fd);
        if (is_tcp(d) && d->n_sent == 0)
            sock_tcp_no_delay(result.take_fd);
        if (is_tcp(d))
            result.spare_family = spare_family(d);
        if (d->is_spare) {
            evloop_move(d->loop, &d->source, &watched, connect_ready);
            result.watched = &watched;
        }
    }
    free_dial(d);
    on_done(arg, &result);
}

/* Connects to the next address that takes it. True when the outcome is still open. */
static bool try_next(struct dial *d, int error);

static void connect_ready(struct ev_source *source, uint32_t events)
{
    struct dial *d = CONTAINER_OF(source, struct dial, source);
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (!error)
        finish(d, 0);
    else
        (void)try_next(d, error);
}

static void time_over(struct ev_timer *timer)
{
    finish(CONTAINER_OF(timer, struct dial, timer), ETIMEDOUT);
}

static void again_due(struct ev_timer *timer)
{
    struct dial *d = CONTAINER_OF(timer, struct dial, again);

    d->at--;
    (void)try_next(d, EAGAIN);
}

/* Most connections need no time, and clocks are slow in some machines. */
static void limit_time(struct dial *d)
{
    if (!ev_timer_is_running(&d->timer))
        ev_timer_start(d->loop, &d->timer, DIAL_TIMEOUT_MS, time_over);
}

static bool wait_for_connect(struct dial *d)
{
    limit_time(d);
    if (!d->is_spare)
        return evloop_add(d->loop, &d->source, d->fd, EPOLLOUT, connect_ready, NULL);
    d->is_spare = false;
    evloop_change(d->loop, &d->source, EPOLLOUT);
    return true;
}

static void close_fd(struct dial *d)
{
    evloop_remove(d->loop, &d->source);
    d->is_spare = false;
    if (d->fd >= 0)
        (void)close(MOVE_FD(d->fd));
}

/* False with errno. */
static bool open_fd(struct dial *d, int family)
{
    if (d->type == SOCK_STREAM && family != AF_UNIX)
        d->is_spare = spares_take(d->spares, family, &d->source, connect_ready);
    d->fd = d->is_spare ? d->source.fd : socket(family, d->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return d->fd >= 0;
}

/* The handshake ends with the first bytes instead of an empty packet before them: the server is
 * woken once, when there is something to read. The option is for the handshake only. */
static void confirm_with_bytes(int fd)
{
    const int off = 0;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

/* 0, or the errno. Inside one machine a TCP connection that is "in progress" has mostly come about
 * when the call returns; to try and use it is cheaper than to wait for it. */
static int begin_connect(struct dial *d, const struct dial_address *to)
{
    const struct sockaddr *addr = (const struct sockaddr *)&to->addr;
    ssize_t n;

    if (d->early.n > 0 && is_tcp(d))
        confirm_with_bytes(d->fd);
    if (connect(d->fd, addr, to->addr_len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (d->early.n == 0) {
        if (connect(d->fd, addr, to->addr_len) == 0)
            return 0;
        return errno == EALREADY ? EINPROGRESS : errno;
    }
    n = send(d->fd, d->early.p, d->early.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN ? EINPROGRESS : errno;
    d->n_sent = (size_t)n;
    return 0;
}

/* Puts in the address from which the guest talks to the world; false when it has none. Asked only
 * when its turn comes, which is seldom: it costs as much as a connection to a loopback address. */
static bool find_primary(struct dial_address *primary)
{
    static const char documentation_net[4] = { (char)192, 0, 2, 1 }; /* nothing is sent there */
    struct dial_address world = dial_address_ip((struct sv){ documentation_net, 4 }, 9);
    struct sockaddr_in *out = (struct sockaddr_in *)&primary->addr, found;
    socklen_t len = sizeof(found);
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&world.addr, world.addr_len) < 0 ||
        getsockname(fd, (struct sockaddr *)&found, &len) < 0)
        return false;
    out->sin_addr = found.sin_addr;
    return true;
}

static bool try_next(struct dial *d, int error)
{
    while (d->at < d->n_addresses) {
        struct dial_address *to = &d->addresses[d->at++];

        close_fd(d);
        if (to->is_primary && !find_primary(to))
            continue;
        if (!open_fd(d, to->addr.ss_family)) {
            error = errno;
            continue;
        }
        error = begin_connect(d, to);
        if (!error) {
            finish(d, 0);
            return false;
        }
        if (error == EINPROGRESS && wait_for_connect(d))
            return true;
        if (error == EAGAIN) {
            limit_time(d);
            ev_timer_start(d->loop, &d->again, AGAIN_MS, again_due);
            return true;
        }
    }
    finish(d, error);
    return false;
}

static struct dial *new_dial(struct evloop *loop, dial_done_fn on_done, void *arg)
{
    struct dial *d = mem_new(struct dial);

    d->loop = loop;
    d->fd = d->source.fd = -1;
    d->on_done = on_done;
    d->arg = arg;
    return d;
}

struct dial *dial_start(struct spares *spares, const struct dial_address *addresses, size_t n,
                        int type, struct sv early, dial_done_fn on_done, void *arg)
{
    struct dial *d = new_dial(spares->loop, on_done, arg);

    assert(n > 0 && n <= DIAL_ADDRESSES_MAX);
    d->spares = spares;
    memcpy(d->addresses, addresses, n * sizeof(*addresses));
    d->n_addresses = n;
    d->type = type;
    d->early = early;
    return try_next(d, 0) ? d : NULL;
}

struct dial *dial_wait(struct evloop *loop, int take_fd, dial_done_fn on_done, void *arg)
{
    struct dial *d = new_dial(loop, on_done, arg);

    d->fd = take_fd;
    if (wait_for_connect(d))
        return d;
    finish(d, errno);
    return NULL;
}

struct dial_address dial_address_ip(struct sv address, uint16_t port)
{
    struct dial_address out = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out.addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out.addr;

    assert(address.n == 4 || address.n == 16);
    if (address.n == 4) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, address.p, 4);
        out.addr_len = sizeof(*v4);
    } else {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, address.p, 16);
        out.addr_len = sizeof(*v6);
    }
    return out;
}

struct dial_address dial_address_unix(struct sv path)
{
    struct dial_address out = { 0 };
    struct sockaddr_un *un = (struct sockaddr_un *)&out.addr;

    assert(path.n < sizeof(un->sun_path));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.p, path.n);
    out.addr_len = sizeof(*un);
    return out;
}

size_t dial_own_addresses(struct sv wildcard, uint16_t port, bool is_nat,
                          struct dial_address out[DIAL_ADDRESSES_MAX])
{
    static const char v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };
    struct dial_address primary = dial_address_ip((struct sv){ v4, sizeof(v4) }, port);
    size_t n = 0;

    primary.is_primary = true;
    if (is_nat)
        out[n++] = primary;
    if (wildcard.n == sizeof(v6))
        out[n++] = dial_address_ip((struct sv){ v6, sizeof(v6) }, port);
    out[n++] = dial_address_ip((struct sv){ v4, sizeof(v4) }, port);
    if (!is_nat)
        out[n++] = primary;
    return n;
}
