/*
 * A session per peer, that is per source address and, as the answers must come from there, the
 * address of the guest that it spoke to. Datagrams that come before the host has answered wait, up
 * to a limit.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/datagrams.h"
#include "prog/guestagent/dial.h"
#include "prog/guestagent/reverse_priv.h"
#include "sys/host.h"
#include "wire/tunnel.h"

enum {
    READS_MAX = 64, /* before others have their turn */
    EARLY_MAX = 64 * 1024,
};

/* Where a datagram came from and what it was sent to; unused bytes are zero. */
struct route {
    struct sockaddr_storage from;
    socklen_t from_len;
    union {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
    } to;
};

struct peer {
    struct list link;
    struct reverse_listener *l; /* borrowed */
    struct route route;
    struct dial *dial;
    struct sb early; /* datagrams that wait for the host's answer */
    struct datagrams stream;
    struct ev_timer idle;
    uint64_t heard_ns; /* last datagram either way */
    unsigned n_unanswered;
};

union control {
    struct cmsghdr head; /* aligns it */
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

bool reverse_udp_set_up(struct reverse_listener *l, struct err **errp)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    const int on = 1;

    if (getsockname(l->fd, (struct sockaddr *)&addr, &len) < 0 ||
        (addr.ss_family == AF_INET6
             ? setsockopt(l->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
             : setsockopt(l->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on))) < 0)
        return err_set_os(errp, errno, "cannot set up a UDP socket");
    return true;
}

static void peer_free(struct peer *p)
{
    dial_cancel(p->dial);
    datagrams_done(&p->stream);
    sb_done(&p->early);
    ev_timer_stop(&p->idle);
    list_remove(&p->link);
    p->l->n_peers--;
    free(p);
}

void reverse_udp_clear(struct reverse_listener *l)
{
    while (!list_is_empty(&l->peers))
        peer_free(CONTAINER_OF(l->peers.next, struct peer, link));
}

static bool is_dns(const struct peer *p)
{
    return p->l->flags & GUEST_LISTEN_DNS;
}

static void idle_due(struct ev_timer *timer)
{
    struct peer *p = CONTAINER_OF(timer, struct peer, idle);
    uint64_t silent_ms = (host_monotonic_ns() - p->heard_ns) / 1000000;
    uint64_t limit_ms = is_dns(p) ? REVERSE_DNS_IDLE_MS : REVERSE_UDP_IDLE_MS;

    if (silent_ms >= limit_ms)
        peer_free(p);
    else
        ev_timer_start(p->l->r->pool->loop, timer, (unsigned)(limit_ms - silent_ms) + 1, idle_due);
}

static void touch(struct peer *p)
{
    p->heard_ns = host_monotonic_ns();
    list_remove(&p->link);
    list_push_back(&p->l->peers, &p->link);
}

/* Back to the guest, from the address that was spoken to. */
static void send_back(const struct peer *p, struct sv datagram)
{
    struct iovec iov = { (char *)datagram.p, datagram.n };
    union control control = { 0 };
    struct msghdr mh = { .msg_name = (void *)&p->route.from,
                         .msg_namelen = p->route.from_len,
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control };
    bool is_v6 = p->route.from.ss_family == AF_INET6;
    size_t n = is_v6 ? sizeof(p->route.to.v6) : sizeof(p->route.to.v4);

    control.head.cmsg_level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    control.head.cmsg_type = is_v6 ? IPV6_PKTINFO : IP_PKTINFO;
    control.head.cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(&control.head), &p->route.to, n);
    mh.msg_controllen = CMSG_SPACE(n);
    if (sendmsg(p->l->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_debug("A datagram to the guest is lost: %s", strerror(errno));
}

static void datagram_came(struct datagrams *d, struct sv datagram)
{
    struct peer *p = CONTAINER_OF(d, struct peer, stream);

    touch(p);
    send_back(p, datagram);
    if (p->n_unanswered > 0)
        p->n_unanswered--;
    if (is_dns(p) && p->n_unanswered == 0)
        peer_free(p);
}

static void stream_ended(struct datagrams *d)
{
    peer_free(CONTAINER_OF(d, struct peer, stream));
}

static void host_answered(void *arg, const struct dial_result *result)
{
    static const struct datagrams_events events = { datagram_came, stream_ended };
    struct peer *p = arg;
    struct sv early, datagram;

    p->dial = NULL;
    if (result->take_fd < 0 ||
        !datagrams_init(&p->stream, p->l->r->pool->loop, result->take_fd, SV(""), &events)) {
        log_debug("The host refuses a UDP session: %s", strerror(result->error));
        peer_free(p);
        return;
    }
    early = sb_view(&p->early);
    while (tunnel_datagram_take(&early, &datagram))
        datagrams_send(&p->stream, datagram);
    sb_done(&p->early);
}

/* A new peer; NULL when the host cannot be reached. */
static struct peer *add_peer(struct reverse_listener *l, const struct route *route)
{
    struct peer *p;
    struct dial *dial;
    int fd;

    if (!l->r->events->dial_host(l->vsock_port, &fd, NULL))
        return NULL;
    if (l->n_peers >= REVERSE_PEERS_MAX)
        peer_free(CONTAINER_OF(l->peers.next, struct peer, link));
    p = mem_new(struct peer);
    p->l = l;
    p->route = *route;
    p->early.limit = EARLY_MAX;
    list_push_back(&l->peers, &p->link);
    l->n_peers++;
    ev_timer_start(l->r->pool->loop, &p->idle,
                   is_dns(p) ? REVERSE_DNS_IDLE_MS : REVERSE_UDP_IDLE_MS, idle_due);
    dial = dial_wait(l->r->pool->loop, fd, host_answered, p);
    if (!dial)
        return NULL;
    p->dial = dial;
    return p;
}

/* The peers heard of lately are at the end. */
static struct peer *find_peer(struct reverse_listener *l, const struct route *route)
{
    for (struct list *at = l->peers.prev; at != &l->peers; at = at->prev) {
        struct peer *p = CONTAINER_OF(at, struct peer, link);

        if (memcmp(&p->route, route, sizeof(*route)) == 0)
            return p;
    }
    return NULL;
}

static void handle_datagram(struct reverse_listener *l, const struct route *route,
                            struct sv datagram)
{
    struct peer *p = find_peer(l, route);

    if (!p && !(p = add_peer(l, route)))
        return;
    touch(p);
    p->n_unanswered++;
    if (p->stream.loop)
        datagrams_send(&p->stream, datagram);
    else if (p->early.n + TUNNEL_DATAGRAM_HEAD_LEN + datagram.n <= EARLY_MAX)
        tunnel_datagram_put(&p->early, datagram);
}

static void read_destination(struct msghdr *mh, struct route *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&out->to.v4, CMSG_DATA(c), sizeof(out->to.v4));
            out->to.v4.ipi_ifindex = 0; /* the route back is the kernel's choice */
            out->to.v4.ipi_spec_dst = out->to.v4.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(&out->to.v6, CMSG_DATA(c), sizeof(out->to.v6));
            if (!IN6_IS_ADDR_LINKLOCAL(&out->to.v6.ipi6_addr))
                out->to.v6.ipi6_ifindex = 0;
        }
    }
}

void reverse_udp_ready(struct reverse_listener *l)
{
    for (int i = 0; i < READS_MAX; i++) {
        struct route route;
        union control control;
        struct iovec iov = { l->r->pool->scratch, TUNNEL_DATAGRAM_LEN_MAX };
        struct msghdr mh = { .msg_name = &route.from,
                             .msg_namelen = sizeof(route.from),
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        ssize_t n;

        memset(&route, 0, sizeof(route));
        n = recvmsg(l->fd, &mh, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            continue; /* an ICMP error of an earlier answer */
        route.from_len = mh.msg_namelen;
        read_destination(&mh, &route);
        handle_datagram(l, &route, (struct sv){ l->r->pool->scratch, (size_t)n });
    }
}
