/*
 * States: DOWN -> CONNECTING (vsock) -> UP -> DOWN; DOWN -> UP directly for a virtio-serial port
 * whose other end is open, and when somebody connects to the Unix socket. The ladder is climbed
 * anew at every attempt: vsock, if the guest has the device; the virtio-serial port, if there is
 * one; the Unix socket, which then stays open and takes whoever connects last.
 *
 * A vsock device comes and goes: the host plugs in a new one when the process behind it has died.
 * So it is looked for as long as the link is down, unless the kernel knows nothing of vsock.
 */
#include "prog/guestagent/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/quote.h"
#include "prog/guestagent/module.h"
#include "prog/guestagent/transport.h"
#include "sys/host.h"
#include "sys/sock.h"

enum {
    PAUSE_MIN_MS = 100,
    PAUSE_MAX_MS = 5000,
    OUT_MAX = 1024 * 1024, /* a host that does not read is given up */
    READ_SIZE = 64 * 1024,
};

static const char *const state_names[] = { "down", "connecting", "up" };
ENUM_NAMES_MATCH(state_names, LINK_STATE_COUNT);

static void set_state(struct link *link, enum link_state state)
{
    log_debug("Link %s -> %s", state_names[link->state], state_names[state]);
    link->state = state;
}

void link_init(struct link *link)
{
    link->fd = link->listen_fd = -1;
    link->pause_ms = PAUSE_MIN_MS;
    link->retry_at_ns = 1; /* at once */
}

static void stop_listening(struct link *link)
{
    if (link->listen_fd >= 0)
        (void)close(MOVE_FD(link->listen_fd)); /* leaves the epoll set by itself */
}

void link_done(struct link *link)
{
    link_disconnect(link);
    stop_listening(link);
}

static void watch(struct link *link, int fd, uint32_t tag, uint32_t events, int op)
{
    struct epoll_event event = { .events = events, .data.u32 = tag };

    if (epoll_ctl(link->epoll_fd, op, fd, &event) < 0)
        log_error("Cannot watch the link: %s", strerror(errno));
}

void link_disconnect(struct link *link)
{
    if (link->fd >= 0)
        (void)close(link->fd); /* leaves the epoll set by itself */
    link->fd = -1;
    guest_reader_done(&link->reader);
    sb_done(&link->out);
    if (link->state != LINK_DOWN)
        set_state(link, LINK_DOWN);
}

static void retry_later(struct link *link)
{
    link_disconnect(link);
    if (link->listen_fd >= 0 && link->has_no_vsock)
        return; /* it is the host's turn */
    link->retry_at_ns = host_monotonic_ns() + (uint64_t)link->pause_ms * 1000000;
    link->pause_ms = link->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : link->pause_ms * 2;
}

static void come_up(struct link *link)
{
    link->pause_ms = PAUSE_MIN_MS;
    link->retry_at_ns = 0;
    set_state(link, LINK_UP);
}

static bool try_vsock(struct link *link)
{
    auto_err struct err *err = NULL;

    if (link->has_no_vsock)
        return false;
    if (transport_vsock(link->vsock_port, &link->fd, &err)) {
        set_state(link, LINK_CONNECTING);
        link->retry_at_ns = 0;
        watch(link, link->fd, link->epoll_fd_tag, EPOLLOUT, EPOLL_CTL_ADD);
        return true;
    }
    log_debug("%s", err_text(err));
    if (err_kind(err) != ERR_UNSUPPORTED && err_kind(err) != ERR_NOT_FOUND) {
        retry_later(link);
        return true;
    }
    if (!link->has_loaded_vsock) {
        link->has_loaded_vsock = true;
        if (module_probe("vmw_vsock_virtio_transport", NULL)) {
            retry_later(link);
            return true;
        }
    }
    link->has_no_vsock = err_kind(err) == ERR_UNSUPPORTED;
    return false;
}

static bool try_virtio(struct link *link)
{
    auto_err struct err *err = NULL;
    struct pollfd pfd = { .events = POLLIN };

    if (!transport_virtio(link->virtio_port, &link->fd, &err)) {
        log_debug("%s", err_text(err));
        if (err_kind(err) == ERR_NOT_FOUND)
            return false;
        retry_later(link);
        return true;
    }
    pfd.fd = link->fd;
    if (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLHUP)) { /* nobody at the other end yet */
        retry_later(link);
        return true;
    }
    watch(link, link->fd, link->epoll_fd_tag, EPOLLIN, EPOLL_CTL_ADD);
    come_up(link);
    return true;
}

static void try_unix(struct link *link)
{
    auto_err struct err *err = NULL;

    link->retry_at_ns = 0;
    if (link->listen_fd < 0) {
        if (transport_unix(GUEST_SOCKET, link->socket_owner, &link->listen_fd, &err))
            watch(link, link->listen_fd, link->epoll_listen_tag, EPOLLIN, EPOLL_CTL_ADD);
        else
            log_warn("%s", err_text(err));
    }
    retry_later(link);
}

bool link_tick(struct link *link, uint64_t now_ns)
{
    if (!link->retry_at_ns || now_ns < link->retry_at_ns)
        return false;
    if (!try_vsock(link) && !try_virtio(link))
        try_unix(link);
    return link->state == LINK_UP;
}

static void write_out(struct link *link)
{
    while (link->out.n > 0) {
        ssize_t n = write(link->fd, link->out.p, link->out.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            retry_later(link);
            return;
        }
        sb_consume(&link->out, (size_t)n);
    }
    watch(link, link->fd, link->epoll_fd_tag, link->out.n ? EPOLLIN | EPOLLOUT : EPOLLIN,
          EPOLL_CTL_MOD);
}

static void read_in(struct link *link)
{
    char bytes[READ_SIZE];
    ssize_t n = read(link->fd, bytes, sizeof(bytes));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        log_debug("The host closed the link");
        retry_later(link);
        return;
    }
    guest_reader_feed(&link->reader, bytes, (size_t)n);
}

bool link_fd_ready(struct link *link)
{
    auto_err struct err *err = NULL;

    if (link->state == LINK_UP) {
        write_out(link);
        if (link->state == LINK_UP)
            read_in(link);
        return false;
    }
    if (link->state == LINK_CONNECTING && !transport_finish(link->fd, &err)) {
        log_debug("%s", err_text(err));
        try_unix(link); /* meanwhile the host may come that way */
        return false;
    }
    stop_listening(link);
    watch(link, link->fd, link->epoll_fd_tag, EPOLLIN, EPOLL_CTL_MOD);
    come_up(link);
    return true;
}

bool link_listen_ready(struct link *link)
{
    auto_err struct err *err = NULL;
    int fd;

    if (!sock_accept(link->listen_fd, &fd, &err)) {
        log_debug("%s", err_text(err));
        return false;
    }
    link_disconnect(link); /* a host agent that connects again has left the earlier one */
    link->fd = fd;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        log_warn("Cannot configure the link: %s", strerror(errno));
    watch(link, fd, link->epoll_fd_tag, EPOLLIN, EPOLL_CTL_ADD);
    come_up(link);
    return true;
}

bool link_next(struct link *link, struct guest_msg *out)
{
    auto_err struct err *err = NULL;

    if (link->state != LINK_UP)
        return false;
    switch (guest_reader_next(&link->reader, out, &err)) {
    case GUEST_READ_MESSAGE:
        return true;
    case GUEST_READ_MORE:
        return false;
    case GUEST_READ_BROKEN:
        break;
    }
    log_warn("The host sent what cannot be understood: %s", err_text(err));
    retry_later(link);
    return false;
}

void link_send(struct link *link, const struct sb *frames)
{
    if (link->state != LINK_UP)
        return;
    sb_put(&link->out, sb_view(frames));
    if (link->out.n > OUT_MAX) {
        log_warn("The host does not read; connecting again");
        retry_later(link);
        return;
    }
    write_out(link);
}

void link_send_msg(struct link *link, const struct guest_msg *msg)
{
    auto_sb struct sb frame = { 0 };

    guest_encode(&frame, msg);
    link_send(link, &frame);
}

void link_flush(struct link *link, int timeout_ms)
{
    uint64_t deadline = host_monotonic_ns() + (uint64_t)timeout_ms * 1000000;

    for (uint64_t now;
         link->state == LINK_UP && link->out.n > 0 && (now = host_monotonic_ns()) < deadline;) {
        struct pollfd pfd = { .fd = link->fd, .events = POLLOUT };

        if (poll(&pfd, 1, (int)((deadline - now) / 1000000) + 1) > 0)
            write_out(link);
    }
}
