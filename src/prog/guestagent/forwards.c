#include "prog/guestagent/forwards.h"

#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/local_address.h"
#include "prog/guestagent/port_watch.h"
#include "prog/guestagent/relay.h"
#include "prog/guestagent/reverse.h"
#include "prog/guestagent/transport.h"
#include "prog/guestagent/tunnel.h"

struct forwards {
    struct evloop *loop; /* borrowed */
    struct link *link;   /* borrowed */
    struct relay_pool pool;
    struct tunnel *tunnel;
    struct reverse *reverse;
    struct local_addresses addresses;
    struct port_watch *watch;
    bool has_begun;
};

static bool is_nat(void *arg, enum tunnel_kind kind, uint16_t port)
{
    struct forwards *f = arg;

    return port_watch_has_nat(f->watch, kind == TUNNEL_UDP ? GUEST_UDP : GUEST_TCP, port);
}

static bool take_address(void *arg, struct sv address, struct err **errp)
{
    struct forwards *f = arg;

    return local_address_take(&f->addresses, address, errp);
}

static void give_address(void *arg, struct sv address)
{
    struct forwards *f = arg;

    local_address_give(&f->addresses, address);
}

static bool is_own(void *arg, const struct guest_port *port)
{
    struct forwards *f = arg;

    return reverse_owns(f->reverse, port);
}

static void ports_changed(void *arg, const struct sb *frames)
{
    struct forwards *f = arg;

    link_send(f->link, frames);
}

/* Every connection takes two descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct forwards *forwards_new(struct evloop *loop, struct link *link)
{
    static const struct tunnel_events tunnel_events = { is_nat };
    static const struct reverse_events reverse_events = { transport_vsock, take_address,
                                                          give_address };
    static const struct port_watch_events watch_events = { ports_changed, is_own };
    struct forwards *f = mem_new(struct forwards);

    raise_descriptor_limit();
    f->loop = loop;
    f->link = link;
    relay_pool_init(&f->pool, loop);
    f->tunnel = tunnel_new(&f->pool, &tunnel_events, f);
    f->reverse = reverse_new(&f->pool, &reverse_events, f);
    local_addresses_init(&f->addresses, loop);
    f->watch = port_watch_new(loop, &watch_events, f);
    return f;
}

void forwards_free(struct forwards *f)
{
    if (!f)
        return;
    port_watch_free(f->watch);
    reverse_free(f->reverse);
    local_addresses_done(&f->addresses);
    tunnel_free(f->tunnel);
    relay_pool_done(&f->pool);
    free(f);
}

void forwards_begin(struct forwards *f)
{
    auto_err struct err *err = NULL;
    int fd;

    forwards_end(f);
    f->has_begun = true;
    if (!tunnel_is_listening(f->tunnel) &&
        (!transport_vsock_listen(TUNNEL_PORT, &fd, &err) || !tunnel_listen(f->tunnel, fd, &err)))
        log_info("Ports cannot be forwarded through vsock: %s", err_text(err));
}

void forwards_end(struct forwards *f)
{
    if (!f->has_begun)
        return;
    f->has_begun = false;
    reverse_clear(f->reverse);
    port_watch_set(f->watch, 0);
}

static void listen_on(struct forwards *f, const struct guest_msg *msg)
{
    struct guest_msg answer = { .type = GUEST_LISTEN_RESULT, .id = msg->id };
    auto_err struct err *err = NULL;
    uint16_t port = 0;

    if (!reverse_listen(f->reverse, msg, &port, &err)) {
        log_warn("A reverse forward: %s", err_text(err));
        answer.text = sv_of(err_text(err));
    }
    answer.port = port;
    link_send_msg(f->link, &answer);
}

void forwards_take_message(struct forwards *f, const struct guest_msg *msg)
{
    switch (msg->type) {
    case GUEST_WATCH_PORTS:
        port_watch_set(f->watch, msg->flags);
        break;
    case GUEST_LISTEN:
        listen_on(f, msg);
        break;
    case GUEST_UNLISTEN:
        reverse_unlisten(f->reverse, msg->id);
        break;
    default:
        break;
    }
}
