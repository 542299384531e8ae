/*
 * One control connection: packets in and out, with their descriptors. What they mean is up to
 * control.c. Packets that the socket does not take are kept, a bounded number of them; a client that
 * does not read is dropped when there would be more.
 */
#ifndef PROG_DEVICES_CLIENT_H
#define PROG_DEVICES_CLIENT_H

#include "base/vec.h"
#include "vhost/vsock_dev.h"
#include "wire/devctl.h"

struct client;

struct client_events {
    /* take_fd is -1 when the type has none. The client may be dropped inside. */
    void (*on_message)(struct client *c, const struct devctl_msg *msg, int take_fd);
    /* The connection has ended or was dropped; the callee calls client_free(). */
    void (*on_gone)(struct client *c);
};

struct client_group {
    uint32_t tag;
    struct vsock_group *group; /* a reference */
};

struct client_packet {
    uint8_t *bytes;
    size_t n;
    int fd; /* -1 = none */
};

struct client {
    struct list link;        /* of the owner */
    struct evloop *loop; /* borrowed */
    const struct client_events *events; /* borrowed */
    void *owner;             /* borrowed */
    struct ev_source source;
    struct ev_task gone_task;
    int fd;
    bool has_greeted, is_dropped;
    VEC(struct client_group) groups;
    VEC(struct client_packet) queue;
};

struct client *client_new(struct evloop *loop, int take_fd, const struct client_events *events,
                          void *owner, struct err **errp) MUST_USE;
void client_free(struct client *c);

/* Sends a message, or keeps it for later. take_fd may be -1. False when the client is dropped. */
bool client_send(struct client *c, const struct devctl_msg *msg, int take_fd);
void client_send_result(struct client *c, uint32_t id, int error);
/* True while packets wait for the socket: no time to offer more. */
bool client_is_congested(const struct client *c);
/* Ends the connection soon; on_gone is called from the loop. */
void client_drop(struct client *c, const char *why);

/* The group of a tag, made if need be; NULL when there are too many. Tag 0 has none. */
struct vsock_group *client_group(struct client *c, uint32_t tag, bool may_make);

#endif
