/*
 * The virtio socket device: streams between sockets of the host and vsock ports of the guest.
 *
 * The host side of a stream is any connected stream socket; the device moves bytes between it and
 * the guest's memory without copying, as long as the socket keeps up. What a socket does not take is
 * kept, up to the space that the guest was granted; when the guest does not take what a socket has,
 * the socket is not read. So a peer that never reads costs a bounded amount of memory: the grants of
 * all streams together stay below VSOCK_GRANT_TOTAL, or, when there are very many, below
 * VSOCK_GRANT_MIN each.
 *
 * Streams of forwards (those that began with a preface or were held) follow wire/tunnel.h: a guest
 * that closes before it has ended its sending direction resets the socket.
 *
 * Forwards may come in chunks, which lets a stream that has served a connection serve the next one:
 * that is cheaper for a guest than a new stream. A few such streams are kept while they are idle.
 *
 * Threads: everything happens on the loop's thread. Callbacks may call any function here.
 */
#ifndef VHOST_VSOCK_DEV_H
#define VHOST_VSOCK_DEV_H

#include "vhost/dev.h"
#include "wire/devctl.h"

#define VSOCK_GUEST_CID 3
#define VSOCK_STREAMS_MAX 16384
#define VSOCK_GRANT_MIN (16u << 10)
#define VSOCK_GRANT_START (64u << 10)
#define VSOCK_GRANT_MAX (1u << 20)
#define VSOCK_GRANT_TOTAL (128u << 20)
/* How long the guest has for the answer to a connection, and the owner for a held one; and how
 * long a socket may take nothing of what is left after the guest has closed. */
#define VSOCK_ANSWER_MS 30000
#define VSOCK_LINGER_MS 60000
/* Streams that wait for another connection, and for how long. */
#define VSOCK_IDLE_MAX 32
#define VSOCK_IDLE_MS 5000

struct vsock_dev;
struct vsock_stream;

struct vsock_dev_events {
    /* The guest's driver is ready, or gone. broken: NULL, or what was wrong with its queues. */
    void (*on_up)(void *owner, bool resumed);
    void (*on_down)(void *owner, const char *broken);
    /* The guest connects to a port. False refuses it. True without vsock_stream_accept() holds it
     * until that, or vsock_stream_refuse(), is called. */
    bool (*on_request)(void *owner, struct vsock_stream *s);
    /* QEMU closed the device; the owner frees it. err as in vhost_dev_ops. */
    void (*on_gone)(void *owner, const struct err *err);
};

/* Counts streams that belong together. Lives until its last reference is given back. */
struct vsock_group {
    unsigned refs;
    struct devctl_counters counters;
};
struct vsock_group *vsock_group_new(void); /* one reference */
struct vsock_group *vsock_group_ref(struct vsock_group *g);
void vsock_group_unref(struct vsock_group *g); /* NULL is fine */

/* The outcome of vsock_connect(), once: 0, or ECONNREFUSED, ETIMEDOUT, ENETRESET (the guest's
 * driver went away). */
typedef void (*vsock_done_fn)(void *arg, struct vsock_stream *s, int error);

struct vsock_connect {
    uint32_t port;
    struct sv preface;         /* sent to the guest first; borrowed for the call */
    struct vsock_group *group; /* borrowed; may be NULL */
    void *client;              /* see vsock_dev_drop_client() */
    bool dies_with_client;
    bool is_chunked; /* the preface says so, too */
    vsock_done_fn on_done;     /* may be NULL */
    void *arg;
};

struct vsock_dev *vsock_dev_new(struct evloop *loop, int take_fd, unsigned n_streams_max,
                                const struct vsock_dev_events *events, void *owner,
                                struct err **errp) MUST_USE;
/* Resets all streams. */
void vsock_dev_free(struct vsock_dev *v);
bool vsock_dev_is_up(const struct vsock_dev *v);
const struct devctl_counters *vsock_dev_counters(const struct vsock_dev *v);

/* Connects a socket to a port of the guest; a chunked one over a stream to it that is idle, if there
 * is one: then on_done has been called before this returns. NULL with *out_error: ENETDOWN without
 * a driver, ENFILE when there are too many streams; the socket is closed with a reset then. */
struct vsock_stream *vsock_connect(struct vsock_dev *v, const struct vsock_connect *how,
                                   int take_fd, int *out_error);

/* Streams of the guest, inside on_request or while held. */
void vsock_stream_accept(struct vsock_stream *s, int take_fd, struct vsock_group *group,
                         void *client, bool dies_with_client);
void vsock_stream_refuse(struct vsock_stream *s);
/* NULL when the client has no such held stream. */
struct vsock_stream *vsock_dev_find_held(struct vsock_dev *v, uint32_t number, const void *client);
uint32_t vsock_stream_number(const struct vsock_stream *s);
uint32_t vsock_stream_guest_port(const struct vsock_stream *s);
uint32_t vsock_stream_host_port(const struct vsock_stream *s);
/* Marks a held stream as a client's. */
void vsock_stream_set_client(struct vsock_stream *s, void *client);

/* The client went away: its streams are reset, except those that were to live on. Every on_done
 * that is still to come is called with ECONNABORTED. */
void vsock_dev_drop_client(struct vsock_dev *v, const void *client);

#endif
