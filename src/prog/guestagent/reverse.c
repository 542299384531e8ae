#include "prog/guestagent/reverse.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/dial.h"
#include "prog/guestagent/reverse_priv.h"
#include "sys/dir.h"
#include "sys/sock.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_MAX = 64, /* before others have their turn */
    PAUSE_MS = 100,   /* of accepting, without descriptors */
};

/* A connection that waits for its stream to the host. */
struct waiting {
    struct list link;
    struct reverse *r; /* borrowed */
    int fd;
    struct dial *dial;
    unsigned relay_flags;
};

static void waiting_free(struct waiting *w)
{
    dial_cancel(w->dial);
    relay_close_with_reset(w->fd);
    list_remove(&w->link);
    free(w);
}

static void host_answered(void *arg, const struct dial_result *result)
{
    struct waiting *w = arg;

    w->dial = NULL;
    if (result->take_fd >= 0)
        relay_start(w->r->pool, &(struct relay_start){ .take_stream_fd = result->take_fd,
                                                       .take_peer_fd = MOVE_FD(w->fd),
                                                       .flags = w->relay_flags });
    else
        log_debug("The host refuses a connection: %s", strerror(result->error));
    waiting_free(w);
}

static void take_connection(struct reverse_listener *l, int take_fd)
{
    struct waiting *w = mem_new(struct waiting);
    auto_err struct err *err = NULL;
    struct dial *dial;
    int stream_fd;

    if (l->proto == GUEST_TCP)
        sock_tcp_no_delay(take_fd);
    w->r = l->r;
    w->fd = take_fd;
    w->relay_flags = l->flags & GUEST_LISTEN_HOST_UNIX ? RELAY_FROM_UNIX : 0;
    list_push_back(&l->r->waiting, &w->link);
    if (!l->r->events->dial_host(l->vsock_port, &stream_fd, &err)) {
        log_debug("%s", err_text(err));
        waiting_free(w);
        return;
    }
    dial = dial_wait(l->r->pool->loop, stream_fd, host_answered, w);
    if (dial)
        w->dial = dial;
}

static void pause_over(struct ev_timer *timer)
{
    struct reverse_listener *l = CONTAINER_OF(timer, struct reverse_listener, pause);

    evloop_change(l->r->pool->loop, &l->source, EPOLLIN);
}

static void accept_all(struct reverse_listener *l)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
            log_debug("Connections to the host wait: %s", strerror(errno));
            evloop_change(l->r->pool->loop, &l->source, 0);
            ev_timer_start(l->r->pool->loop, &l->pause, PAUSE_MS, pause_over);
            return;
        }
        if (fd >= 0)
            take_connection(l, fd);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static void listener_ready(struct ev_source *source, uint32_t events)
{
    struct reverse_listener *l = CONTAINER_OF(source, struct reverse_listener, source);

    if (l->proto == GUEST_UDP)
        reverse_udp_ready(l);
    else
        accept_all(l);
}

static struct sv own_address(const struct reverse_listener *l)
{
    return (struct sv){ (const char *)l->address, l->n_address };
}

static void listener_free(struct reverse_listener *l)
{
    struct reverse *r = l->r;

    reverse_udp_clear(l);
    ev_timer_stop(&l->pause);
    evloop_remove(r->pool->loop, &l->source);
    if (l->fd >= 0)
        (void)close(l->fd);
    if (l->path)
        (void)unlink(l->path);
    if (l->has_address)
        r->events->give_address(r->arg, own_address(l));
    free(l->path);
    list_remove(&l->link);
    r->n_listeners--;
    free(l);
}

static bool open_unix(struct reverse_listener *l, const struct guest_msg *msg, struct err **errp)
{
    auto_mem char *path = sv_dup(msg->path);
    auto_mem char *dir = path_dir(path);

    if (!dir_make_all(dir, 0755, errp) || !sock_unix_listen(path, SOCK_STREAM, &l->fd, errp))
        return false;
    l->path = MOVE(path);
    if (fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0 || lchown(l->path, (uid_t)msg->uid, (gid_t)-1) < 0 ||
        (msg->mode &&
         fchmodat(AT_FDCWD, l->path, (mode_t)msg->mode & 0777, AT_SYMLINK_NOFOLLOW) < 0))
        return err_set_os(errp, errno, "cannot set up %s", l->path);
    return true;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage addr = { 0 };
    socklen_t len = sizeof(addr);

    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        return 0;
    if (addr.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
    return addr.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&addr)->sin_port) : 0;
}

static bool open_ip(struct reverse_listener *l, const struct guest_msg *msg, struct err **errp)
{
    struct dial_address at = dial_address_ip(msg->address, (uint16_t)msg->port);
    int type = l->proto == GUEST_UDP ? SOCK_DGRAM : SOCK_STREAM;
    const int on = 1;

    l->fd = socket(at.addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return err_set_os(errp, errno, "cannot create a socket");
    if (type == SOCK_STREAM)
        (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (msg->flags & GUEST_LISTEN_ADDRESS) {
        /* the address may still be on its way to its interface */
        (void)setsockopt(l->fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    }
    if (at.addr.ss_family == AF_INET6) /* the IPv4 port is another forward's */
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(l->fd, (struct sockaddr *)&at.addr, at.addr_len) < 0 ||
        (type == SOCK_STREAM && listen(l->fd, BACKLOG) < 0))
        return err_set_os(errp, errno, "cannot listen on port %u", (unsigned)msg->port);
    l->n_address = msg->address.n;
    memcpy(l->address, msg->address.p, msg->address.n);
    l->port = bound_port(l->fd);
    return type == SOCK_STREAM || reverse_udp_set_up(l, errp);
}

static bool take_address(struct reverse_listener *l, struct err **errp)
{
    struct reverse *r = l->r;

    if (!r->events->take_address)
        return err_set(errp, ERR_UNSUPPORTED, "no address can be taken");
    l->has_address = r->events->take_address(r->arg, own_address(l), errp);
    return l->has_address;
}

bool reverse_listen(struct reverse *r, const struct guest_msg *msg, uint16_t *out_port,
                    struct err **errp)
{
    struct reverse_listener *l;

    reverse_unlisten(r, msg->id);
    if (r->n_listeners >= REVERSE_LISTENERS_MAX)
        return err_set(errp, ERR_BUSY, "more than %d reverse forwards", REVERSE_LISTENERS_MAX);
    l = mem_new(struct reverse_listener);
    l->r = r;
    l->id = msg->id;
    l->proto = (enum guest_proto)msg->proto;
    l->flags = msg->flags;
    l->vsock_port = msg->vsock_port;
    l->fd = l->source.fd = -1;
    list_init(&l->peers);
    list_push_back(&r->listeners, &l->link);
    r->n_listeners++;
    if (!(l->proto == GUEST_UNIX ? open_unix(l, msg, errp) : open_ip(l, msg, errp)) ||
        ((msg->flags & GUEST_LISTEN_ADDRESS) && !take_address(l, errp)) ||
        !evloop_add(r->pool->loop, &l->source, l->fd, EPOLLIN, listener_ready, errp)) {
        listener_free(l);
        return false;
    }
    *out_port = l->port;
    return true;
}

bool reverse_owns(const struct reverse *r, const struct guest_port *port)
{
    list_for_each (l, &r->listeners, struct reverse_listener, link) {
        if (l->proto == port->proto && l->port == port->port && l->n_address == port->n_address &&
            memcmp(l->address, port->address, l->n_address) == 0)
            return true;
    }
    return false;
}

void reverse_unlisten(struct reverse *r, uint64_t id)
{
    list_for_each (l, &r->listeners, struct reverse_listener, link) {
        if (l->id == id)
            listener_free(l);
    }
}

void reverse_clear(struct reverse *r)
{
    while (!list_is_empty(&r->listeners))
        listener_free(CONTAINER_OF(r->listeners.next, struct reverse_listener, link));
}

struct reverse *reverse_new(struct relay_pool *pool, const struct reverse_events *events, void *arg)
{
    struct reverse *r = mem_new(struct reverse);

    r->pool = pool;
    r->events = events;
    r->arg = arg;
    list_init(&r->listeners);
    list_init(&r->waiting);
    return r;
}

void reverse_free(struct reverse *r)
{
    if (!r)
        return;
    reverse_clear(r);
    while (!list_is_empty(&r->waiting))
        waiting_free(CONTAINER_OF(r->waiting.next, struct waiting, link));
    free(r);
}
