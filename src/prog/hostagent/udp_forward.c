#include "prog/hostagent/udp_forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "prog/hostagent/datagrams.h"
#include "prog/hostagent/forward_socket.h"
#include "svc/loop/timer.h"

enum {
    BATCH = 64,            /* datagrams read before the loop looks at other things */
    EARLY_MAX = 64 * 1024, /* bytes kept while a session is connecting */
    SWEEPS_PER_IDLE = 6,
    CONTROL_SIZE = 128,
};

/* The address of ours that a peer spoke to, in the form sendmsg() takes back. */
struct local_address {
    size_t n; /* 0 = there is only one */
    char control[CONTROL_SIZE];
};

struct session {
    struct list link;          /* in sessions, least recently used first */
    struct udp_forward *owner; /* NULL: closed while connecting */
    struct sockaddr_storage peer;
    socklen_t peer_size;
    struct local_address local;
    struct datagrams *stream; /* NULL while connecting */
    struct sb early;          /* framed datagrams */
    uint64_t used_ms;
};

struct udp_forward {
    uv_poll_t poll;
    struct udp_forward_params params;
    int fd; /* -1 once closed */
    uint8_t address[16];
    struct list sessions;
    size_t n_sessions;
    struct timer *sweep;
    struct devctl_counters counters;
};

/* For the datagram in hand; the loop has one thread. */
static char receive_buffer[TUNNEL_DATAGRAM_LEN_MAX];

/* --- Sessions --- */

static void session_free(struct session *s)
{
    sb_done(&s->early);
    free(s);
}

static void session_end(struct session *s)
{
    struct udp_forward *u = s->owner;

    list_remove(&s->link);
    u->n_sessions--;
    s->owner = NULL;
    if (s->stream) {
        datagrams_close(MOVE(s->stream));
        session_free(s);
    } /* else: the answer to the connect frees it */
}

static void session_used(struct session *s)
{
    struct udp_forward *u = s->owner;

    s->used_ms = uv_now(u->params.loop);
    list_remove(&s->link);
    list_push_back(&u->sessions, &s->link);
}

static void session_datagram(void *arg, struct sv datagram)
{
    struct session *s = arg;
    struct udp_forward *u = s->owner;
    struct iovec iov = { (void *)datagram.p, datagram.n };
    struct msghdr mh = {
        .msg_name = &s->peer, .msg_namelen = s->peer_size, .msg_iov = &iov, .msg_iovlen = 1
    };

    if (s->local.n) {
        mh.msg_control = s->local.control;
        mh.msg_controllen = s->local.n;
    }
    session_used(s);
    u->counters.bytes_from_guest += datagram.n;
    (void)sendmsg(u->fd, &mh, MSG_NOSIGNAL); /* what cannot be sent is lost, as datagrams are */
}

static void session_stream_ended(void *arg)
{
    session_end(arg);
}

static const struct datagrams_events session_events = {
    .on_datagram = session_datagram,
    .on_end = session_stream_ended,
};

static void session_connected(void *arg, int take_fd, const struct err *err)
{
    struct session *s = arg;
    struct udp_forward *u = s->owner;
    auto_sb struct sb preface = { 0 };
    auto_mem char *source = NULL;

    if (!u) { /* closed meanwhile */
        if (take_fd >= 0)
            (void)close(take_fd);
        session_free(s);
        return;
    }
    if (!err)
        s->stream = datagrams_open(u->params.loop, take_fd, &session_events, s, NULL);
    if (!s->stream) {
        session_end(s);
        session_free(s);
        return;
    }
    source = forward_socket_peer(&s->peer);
    u->params.preface.source = sv_of(source);
    tunnel_preface_put(&preface, &u->params.preface);
    sb_put(&preface, sb_view(&s->early));
    sb_done(&s->early);
    datagrams_send_preface(s->stream, sb_view(&preface));
}

static struct session *session_find(struct udp_forward *u, const struct sockaddr_storage *peer,
                                    socklen_t size)
{
    list_for_each (s, &u->sessions, struct session, link)
        if (s->peer_size == size && memcmp(&s->peer, peer, size) == 0)
            return s;
    return NULL;
}

static struct session *session_open(struct udp_forward *u, const struct sockaddr_storage *peer,
                                    socklen_t size)
{
    struct session *s;

    if (u->n_sessions == UDP_SESSIONS_MAX)
        session_end(CONTAINER_OF(u->sessions.next, struct session, link));
    s = mem_new(struct session);
    s->owner = u;
    s->peer = *peer;
    s->peer_size = size;
    list_push_back(&u->sessions, &s->link);
    u->n_sessions++;
    u->counters.total++;
    if (!timer_is_set(u->sweep))
        timer_set(u->sweep, u->params.idle_ms / SWEEPS_PER_IDLE);
    return s;
}

static void sweep_due(void *arg)
{
    struct udp_forward *u = arg;
    uint64_t now = uv_now(u->params.loop);

    list_for_each (s, &u->sessions, struct session, link)
        if (now - s->used_ms >= u->params.idle_ms)
            session_end(s);
    if (u->n_sessions)
        timer_set(u->sweep, u->params.idle_ms / SWEEPS_PER_IDLE);
}

/* --- The socket --- */

/* Remembers where a datagram was sent to, so that answers come from there. */
static void learn_local(struct local_address *local, struct msghdr *received)
{
    struct msghdr answer = { .msg_control = local->control, .msg_controllen = CONTROL_SIZE };
    struct cmsghdr *out = CMSG_FIRSTHDR(&answer);

    local->n = 0;
    memset(local->control, 0, sizeof(local->control));
    for (struct cmsghdr *in = CMSG_FIRSTHDR(received); in; in = CMSG_NXTHDR(received, in)) {
        size_t n = in->cmsg_len - CMSG_LEN(0);

        if (in->cmsg_level == IPPROTO_IP && in->cmsg_type == IP_PKTINFO &&
            n == sizeof(struct in_pktinfo)) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(in), sizeof(info));
            info.ipi_spec_dst = info.ipi_addr;
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(out), &info, sizeof(info));
        } else if (in->cmsg_level == IPPROTO_IPV6 && in->cmsg_type == IPV6_PKTINFO &&
                   n == sizeof(struct in6_pktinfo)) {
            memcpy(CMSG_DATA(out), CMSG_DATA(in), n);
        } else {
            continue;
        }
        out->cmsg_level = in->cmsg_level;
        out->cmsg_type = in->cmsg_type;
        out->cmsg_len = CMSG_LEN(n);
        local->n = CMSG_SPACE(n);
        return;
    }
}

/* False when nothing was there. */
static bool receive(struct udp_forward *u)
{
    struct sockaddr_storage peer = { 0 };
    union {
        char bytes[CONTROL_SIZE];
        struct cmsghdr align;
    } control;
    struct iovec iov = { receive_buffer, sizeof(receive_buffer) };
    struct msghdr mh = { .msg_name = &peer,
                         .msg_namelen = sizeof(peer),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes) };
    ssize_t n = recvmsg(u->fd, &mh, MSG_DONTWAIT);
    struct sv datagram = { receive_buffer, n > 0 ? (size_t)n : 0 };
    struct devices_client *devices = u->params.get_devices(u->params.arg);
    struct session *s;
    bool is_new;

    if (n < 0)
        return errno != EAGAIN; /* an ICMP error for an earlier answer means nothing here */
    if (!devices)
        return true;
    s = session_find(u, &peer, mh.msg_namelen);
    is_new = !s;
    if (is_new)
        s = session_open(u, &peer, mh.msg_namelen);
    learn_local(&s->local, &mh);
    session_used(s);
    u->counters.bytes_to_guest += datagram.n;
    if (s->stream)
        datagrams_send(s->stream, datagram);
    else if (s->early.n + datagram.n < EARLY_MAX)
        tunnel_datagram_put(&s->early, datagram);
    if (is_new)
        devices_client_connect(devices, TUNNEL_PORT, session_connected, s);
    return true;
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct udp_forward *u = poll->data;

    for (unsigned i = 0; i < BATCH && u->fd >= 0; i++)
        if (!receive(u))
            return;
}

/* --- Life --- */

static void set_preface(struct udp_forward *u, const struct tunnel_preface *preface)
{
    u->params.preface = *preface;
    u->params.preface.kind = TUNNEL_UDP;
    memcpy(u->address, preface->address.p, preface->address.n);
    u->params.preface.address.p = (const char *)u->address;
}

struct udp_forward *udp_forward_open(const struct udp_forward_params *params, struct err **errp)
{
    struct udp_forward *u = mem_new(struct udp_forward);
    int status = uv_poll_init(params->loop, &u->poll, params->take_fd);

    if (status < 0) {
        (void)err_set_os(errp, -status, "cannot watch a socket");
        (void)close(params->take_fd);
        free(u);
        return NULL;
    }
    u->params = *params;
    if (u->params.idle_ms == 0)
        u->params.idle_ms = UDP_IDLE_MS;
    set_preface(u, &params->preface);
    u->fd = params->take_fd;
    u->poll.data = u;
    list_init(&u->sessions);
    u->sweep = timer_open(params->loop, sweep_due, u);
    (void)uv_poll_start(&u->poll, UV_READABLE, socket_ready);
    return u;
}

static void poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop_sessions(struct udp_forward *u)
{
    list_for_each (s, &u->sessions, struct session, link)
        session_end(s);
}

void udp_forward_retarget(struct udp_forward *u, const struct tunnel_preface *preface)
{
    drop_sessions(u);
    set_preface(u, preface);
}

void udp_forward_close(struct udp_forward *u)
{
    if (!u || u->fd < 0)
        return;
    drop_sessions(u);
    timer_close(MOVE(u->sweep));
    uv_close((uv_handle_t *)&u->poll, poll_closed);
    (void)close(u->fd);
    u->fd = -1;
}

void udp_forward_count(const struct udp_forward *u, struct devctl_counters *counters)
{
    counters->live += u->n_sessions;
    counters->total += u->counters.total;
    counters->bytes_to_guest += u->counters.bytes_to_guest;
    counters->bytes_from_guest += u->counters.bytes_from_guest;
}
