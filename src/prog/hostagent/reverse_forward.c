#include "prog/hostagent/reverse_forward.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/enum.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/datagrams.h"
#include "prog/hostagent/forward_socket.h"
#include "svc/devices/devices_client.h"
#include "svc/loop/timer.h"
#include "wire/tunnel.h"

enum {
    /* vsock ports and ids of reverse forwards: above everything else that is listened on. */
    PORT_FIRST = 0x10000,
    ID_FIRST = 0x10000,
    TAG_FIRST = 0x10000,
    DIAL_MS = 10 * 1000,
    RETRY_MS = 30 * 1000,
    SOCKET_MODE = 0600,
    WHY_MAX = 512,
    UDP_BATCH = 64,
};

const char *const reverse_state_names[] = { "waiting", "asked", "open", "failed" };
ENUM_NAMES_MATCH(reverse_state_names, REVERSE_STATE_COUNT);

/* A connection on its way: the guest is held until the host's target has answered. */
struct dial {
    struct list link;
    struct reverse_forward *owner; /* NULL once it is over */
    uv_poll_t poll;
    struct timer *overdue;
    uint32_t stream;
    int fd;
};

/* A UDP peer of the guest. */
struct peer {
    struct list link;
    struct reverse_forward *owner; /* NULL once it is over */
    uv_poll_t poll;
    struct datagrams *stream;
    int fd;
};

struct reverse_forward {
    struct reverse_forward_params params;
    enum reverse_state state;
    struct guest_link *link;        /* borrowed; NULL while the agent is away */
    struct devices_client *devices; /* borrowed; listening on our port */
    struct list dials, peers;
    size_t n_dials, n_peers;
    struct timer *retry;
    struct devctl_counters counters;
};

/* For the datagram in hand; the loop has one thread. */
static char receive_buffer[TUNNEL_DATAGRAM_LEN_MAX];

static void set_state(struct reverse_forward *r, enum reverse_state to)
{
    auto_mem char *guest = forward_end_text(&r->params.guest);

    if (r->state == to)
        return;
    log_debug("reverse forward of %s: %s -> %s", guest, reverse_state_names[r->state],
              reverse_state_names[to]);
    r->state = to;
}

static uint32_t vsock_port(const struct reverse_forward *r)
{
    return PORT_FIRST + r->params.number;
}

/* --- TCP and Unix: dial, then leave it to `devices` --- */

static void dial_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void dial_end(struct dial *d)
{
    list_remove(&d->link);
    d->owner->n_dials--;
    d->owner = NULL;
    timer_close(MOVE(d->overdue));
    uv_close((uv_handle_t *)&d->poll, dial_closed);
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
}

static void dial_failed(struct dial *d, const struct err *err)
{
    log_debug("reverse forward: %s", err_text(err));
    devices_client_reject(d->owner->devices, d->stream);
    dial_end(d);
}

static void dial_overdue(void *arg)
{
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_TIMEOUT, "the target does not answer");
    dial_failed(arg, err);
}

static void dial_ready(uv_poll_t *poll, int status, int events)
{
    struct dial *d = poll->data;
    struct reverse_forward *r = d->owner;
    auto_err struct err *err = NULL;

    if (!forward_socket_finish(d->fd, &err)) {
        dial_failed(d, err);
        return;
    }
    (void)uv_poll_stop(poll); /* before the descriptor is another's */
    devices_client_accept(r->devices, d->stream, MOVE_FD(d->fd), reverse_forward_tag(r), NULL,
                          NULL);
    dial_end(d);
}

static void connection_held(void *arg, uint32_t stream, uint32_t port, uint32_t peer_port)
{
    struct reverse_forward *r = arg;
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    struct dial *d;

    if (r->n_dials == REVERSE_DIALS_MAX ||
        !forward_socket_dial(r->params.host.path ? FORWARD_UNIX : FORWARD_TCP, &r->params.host, &fd,
                             &err)) {
        log_debug("reverse forward: %s", err ? err_text(err) : "too many connections at once");
        devices_client_reject(r->devices, stream);
        return;
    }
    d = mem_new(struct dial);
    if (uv_poll_init(r->params.loop, &d->poll, fd) < 0) {
        devices_client_reject(r->devices, stream);
        free(d);
        return;
    }
    d->poll.data = d;
    d->owner = r;
    d->stream = stream;
    d->fd = MOVE_FD(fd);
    d->overdue = timer_open(r->params.loop, dial_overdue, d);
    timer_set(d->overdue, DIAL_MS);
    list_push_back(&r->dials, &d->link);
    r->n_dials++;
    (void)uv_poll_start(&d->poll, UV_WRITABLE, dial_ready);
}

/* --- UDP: datagrams of one peer --- */

static void peer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void peer_end(struct peer *p)
{
    list_remove(&p->link);
    p->owner->n_peers--;
    p->owner = NULL;
    datagrams_close(MOVE(p->stream));
    uv_close((uv_handle_t *)&p->poll, peer_closed);
    (void)close(p->fd);
    p->fd = -1;
}

static void peer_said(void *arg, struct sv datagram)
{
    struct peer *p = arg;

    p->owner->counters.bytes_from_guest += datagram.n;
    if (send(p->fd, datagram.p, datagram.n, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
        peer_end(p);
}

static void peer_left(void *arg)
{
    peer_end(arg);
}

static const struct datagrams_events peer_events = { .on_datagram = peer_said,
                                                     .on_end = peer_left };

static void target_said(uv_poll_t *poll, int status, int events)
{
    struct peer *p = poll->data;

    for (unsigned i = 0; i < UDP_BATCH; i++) {
        struct reverse_forward *r = p->owner;
        ssize_t n = recv(p->fd, receive_buffer, sizeof(receive_buffer), MSG_DONTWAIT);

        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                peer_end(p); /* nobody is at that port */
            return;
        }
        r->counters.bytes_to_guest += (uint64_t)n;
        datagrams_send(p->stream, (struct sv){ receive_buffer, (size_t)n });
    }
}

static void peer_came(void *arg, int take_fd, uint32_t port, uint32_t peer_port)
{
    struct reverse_forward *r = arg;
    auto_fd int stream_fd = take_fd;
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    struct peer *p;

    if (r->n_peers == REVERSE_DIALS_MAX ||
        !forward_socket_dial(FORWARD_UDP, &r->params.host, &fd, &err)) {
        log_debug("reverse forward: %s", err ? err_text(err) : "too many peers");
        return;
    }
    p = mem_new(struct peer);
    p->stream = datagrams_open(r->params.loop, MOVE_FD(stream_fd), &peer_events, p, NULL);
    if (!p->stream || uv_poll_init(r->params.loop, &p->poll, fd) < 0) {
        datagrams_close(p->stream);
        free(p);
        return;
    }
    p->poll.data = p;
    p->owner = r;
    p->fd = MOVE_FD(fd);
    list_push_back(&r->peers, &p->link);
    r->n_peers++;
    r->counters.total++;
    (void)uv_poll_start(&p->poll, UV_READABLE, target_said);
}

/* --- Asking the guest --- */

static void ask(struct reverse_forward *r)
{
    const struct forward_end *guest = &r->params.guest;
    struct guest_msg msg = {
        .type = GUEST_LISTEN,
        .id = ID_FIRST + r->params.number,
        .flags = r->params.host.path ? GUEST_LISTEN_HOST_UNIX : 0,
        .proto = r->params.proto == FORWARD_TCP   ? GUEST_TCP
                 : r->params.proto == FORWARD_UDP ? GUEST_UDP
                                                  : GUEST_UNIX,
        .vsock_port = vsock_port(r),
    };

    if (guest->path) {
        msg.path = sv_of(guest->path);
        msg.mode = SOCKET_MODE;
        msg.uid = r->params.uid;
    } else {
        msg.address = ip_address_bytes(&guest->ip);
        msg.port = guest->port;
    }
    if (guest_link_send(r->link, &msg))
        set_state(r, REVERSE_ASKED);
}

static void retry_due(void *arg)
{
    struct reverse_forward *r = arg;

    if (r->link)
        ask(r);
}

void reverse_forward_link(struct reverse_forward *r, struct guest_link *link)
{
    struct devices_client *devices = guest_link_devices(link);

    assert(devices && (!r->devices || r->devices == devices));
    r->link = link;
    if (!r->devices) {
        r->devices = devices;
        if (r->params.proto == FORWARD_UDP)
            devices_client_listen(devices, vsock_port(r), peer_came, r);
        else
            devices_client_listen_hold(devices, vsock_port(r), connection_held, r);
    }
    ask(r);
}

void reverse_forward_unlink(struct reverse_forward *r)
{
    r->link = NULL;
    timer_stop(r->retry);
    set_state(r, REVERSE_WAITING);
}

void reverse_forward_detach(struct reverse_forward *r)
{
    reverse_forward_unlink(r);
    list_for_each (d, &r->dials, struct dial, link) {
        devices_client_reject(r->devices, d->stream);
        dial_end(d);
    }
    list_for_each (p, &r->peers, struct peer, link)
        peer_end(p);
    if (r->devices)
        devices_client_unlisten(r->devices, vsock_port(r));
    r->devices = NULL;
}

bool reverse_forward_answer(struct reverse_forward *r, const struct guest_msg *msg)
{
    auto_mem char *why = NULL;

    if (msg->id != ID_FIRST + (uint64_t)r->params.number)
        return false;
    if (r->state != REVERSE_ASKED)
        return true;
    if (msg->text.n) {
        why = quote_printable(msg->text, WHY_MAX);
        set_state(r, REVERSE_FAILED);
        timer_set(r->retry, RETRY_MS);
    } else {
        set_state(r, REVERSE_OPEN);
    }
    r->params.on_change(r->params.arg, r, why);
    return true;
}

/* --- Life --- */

struct reverse_forward *reverse_forward_open(const struct reverse_forward_params *params)
{
    struct reverse_forward *r = mem_new(struct reverse_forward);

    r->params = *params;
    list_init(&r->dials);
    list_init(&r->peers);
    r->retry = timer_open(params->loop, retry_due, r);
    return r;
}

void reverse_forward_close(struct reverse_forward *r)
{
    if (!r)
        return;
    if (r->link)
        (void)guest_link_send(r->link, &(struct guest_msg){ .type = GUEST_UNLISTEN,
                                                            .id = ID_FIRST + r->params.number });
    reverse_forward_detach(r);
    timer_close(r->retry);
    free(r);
}

enum reverse_state reverse_forward_state(const struct reverse_forward *r)
{
    return r->state;
}

uint32_t reverse_forward_tag(const struct reverse_forward *r)
{
    return TAG_FIRST + r->params.number;
}

void reverse_forward_count(const struct reverse_forward *r, struct devctl_counters *counters)
{
    counters->live += r->n_peers;
    counters->total += r->counters.total;
    counters->bytes_to_guest += r->counters.bytes_to_guest;
    counters->bytes_from_guest += r->counters.bytes_from_guest;
}

const struct reverse_forward_params *reverse_forward_params(const struct reverse_forward *r)
{
    return &r->params;
}
