/*
 * The daemon's link to the host agent, over whichever transport there is (transport.h), connected
 * again for ever. Driven by the daemon's epoll: link_fds() says what to watch, link_ready() and
 * link_tick() do the work, frames come out of link_next().
 */
#ifndef PROG_GUESTAGENT_LINK_H
#define PROG_GUESTAGENT_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sb.h"
#include "wire/guest.h"

enum link_state {
    LINK_DOWN,       /* waits for retry_at_ns */
    LINK_CONNECTING, /* fd: becomes writable when the outcome is known */
    LINK_UP,         /* fd: carries frames */
    LINK_STATE_COUNT,
};

struct link {
    /* settings */
    uint32_t vsock_port;
    const char *virtio_port; /* borrowed */
    uid_t socket_owner;
    int epoll_fd; /* borrowed */
    uint32_t epoll_fd_tag, epoll_listen_tag;
    /* private */
    enum link_state state;
    int fd, listen_fd;
    bool has_loaded_vsock; /* its module, or tried to */
    bool has_no_vsock;     /* nor will have */
    unsigned pause_ms;
    uint64_t retry_at_ns; /* 0 = not waiting */
    struct guest_reader reader;
    struct sb out;
};

void link_init(struct link *link);
void link_done(struct link *link);

/* Each returns true when the link has just come up: then the owner sends its HELLO. */
/* Begins to connect when it is time. */
bool link_tick(struct link *link, uint64_t now_ns);
/* Something happened to fd, or to the listening socket. */
bool link_fd_ready(struct link *link);
bool link_listen_ready(struct link *link);
/* The next message; false when there is none. A broken peer is disconnected. */
bool link_next(struct link *link, struct guest_msg *out);

/* Appends frames to what is to be sent; without a connection they are dropped. */
void link_send(struct link *link, const struct sb *frames);
void link_send_msg(struct link *link, const struct guest_msg *msg);
/* Everything out, at most timeout_ms. */
void link_flush(struct link *link, int timeout_ms);
void link_disconnect(struct link *link);

#endif
