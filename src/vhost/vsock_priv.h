/*
 * Inside of the vsock device. vsock_dev.c moves packets between queues and streams, vsock_table.c
 * finds streams. A stream is a state machine, vsock_stream.c, between vsock_from_guest.c and
 * vsock_to_guest.c.
 *
 * States of a stream, and what is legal in each:
 *
 *     HELD       the guest asked; no socket yet. -> OPEN by accept, ENDING by refuse or time-out
 *     REQUESTED  we asked; the socket is not watched yet, but a stream with a preface may already
 *                have sent some bytes. -> OPEN by RESPONSE, else freed
 *     OPEN       bytes flow
 *     CLOSING    both directions have ended and the socket is closed; waits for the guest's RST,
 *                which comes when its program has read everything
 *     ENDING     the guest is done with it: a RST is owed, or bytes are left for the socket
 *     IDLE       a chunked stream without a connection; no socket. -> OPEN by the next connection,
 *                CLOSING when none comes, ENDING when the guest ends it
 */
#ifndef VHOST_VSOCK_PRIV_H
#define VHOST_VSOCK_PRIV_H

#include <stddef.h>

#include "vhost/linger.h"
#include "vhost/vsock_dev.h"
#include "wire/tunnel.h"
#include "wire/vsock.h"

enum { RX_QUEUE, TX_QUEUE, N_QUEUES };

enum vsock_state {
    STREAM_HELD,
    STREAM_REQUESTED,
    STREAM_OPEN,
    STREAM_CLOSING,
    STREAM_ENDING,
    STREAM_IDLE
};

/* Packets owed to the guest. They are flags, not a queue: memory for them cannot grow. */
enum vsock_owed {
    OWE_REQUEST = 1 << VSOCK_OP_REQUEST,
    OWE_RESPONSE = 1 << VSOCK_OP_RESPONSE,
    OWE_RST = 1 << VSOCK_OP_RST,
    OWE_SHUTDOWN = 1 << VSOCK_OP_SHUTDOWN,
    OWE_CREDIT_UPDATE = 1 << VSOCK_OP_CREDIT_UPDATE,
    OWE_CREDIT_REQUEST = 1 << VSOCK_OP_CREDIT_REQUEST,
};

/* Bytes that wait: for a socket, or (the preface) for the guest. */
struct vsock_bytes {
    uint8_t *p;
    size_t start, n, cap;
};
void vsock_bytes_add(struct vsock_bytes *b, const void *bytes, size_t n);
void vsock_bytes_take(struct vsock_bytes *b, size_t n); /* releases the memory when empty */
void vsock_bytes_done(struct vsock_bytes *b);

struct vsock_stream {
    struct list link; /* in dev->streams */
    struct list turn; /* in dev->turns: has something for the guest */
    struct list idle; /* in dev->idle while IDLE */
    struct vsock_stream *hash_next;
    struct vsock_dev *dev; /* borrowed: the owner */
    uint32_t number, guest_port, host_port;
    enum vsock_state state;
    bool is_hashed;
    unsigned owed; /* enum vsock_owed */
    struct ev_timer timer;
    struct vsock_group *group; /* a reference, or NULL */
    void *client;              /* borrowed */
    bool dies_with_client;
    bool is_chunked;   /* wire/tunnel.h */
    bool close_resets; /* a close without SHUTDOWN(SEND) before it is a reset: wire/tunnel.h */
    vsock_done_fn on_done;
    void *arg; /* borrowed */

    int fd;
    struct ev_source source;
    bool readable;   /* reading may yield something; until EAGAIN */
    bool hung_up;    /* both directions of the socket are closed by its peer */
    bool host_eof;   /* the socket will yield no more */
    bool write_shut; /* shutdown(SHUT_WR) was done */
    bool discards;   /* the socket takes no more: what the guest sends is dropped */

    /* To the guest. */
    struct vsock_bytes preface;
    struct {
        size_t n; /* bytes of the connection so far */
        bool is_raw, has_ended;
    } chunks_out;
    uint32_t sent, peer_space, peer_taken;
    bool asked_credit;
    uint8_t shutdown_sent, shutdown_got; /* enum vsock_shutdown */

    /* From the guest. */
    struct vsock_bytes backlog;
    struct tunnel_chunks chunks_in;
    uint64_t chunks_in_ended_ns; /* host_monotonic_ns() */
    uint32_t space, received, taken, taken_told;
};

#define BUCKETS    4096
#define RESETS_MAX 256

struct vsock_dev {
    struct vhost_dev base;
    const struct vsock_dev_events *events; /* borrowed */
    void *owner;                           /* borrowed */
    struct list streams, turns, idle;      /* idle: those that served last come first */
    unsigned n_streams, n_streams_max, n_idle;
    uint64_t granted; /* sum of the streams' space */
    uint32_t next_number, next_port;
    struct ev_task work;
    struct vhost_linger linger;
    bool tx_pending;      /* the transmit queue is to be looked at */
    bool wants_rx;        /* the receive queue was empty; a kick will tell */
    struct devctl_counters counters;
    struct { /* RST packets for ports without a stream; more are dropped */
        uint32_t guest_port[RESETS_MAX], host_port[RESETS_MAX];
        uint16_t type[RESETS_MAX];
        unsigned first, n;
    } resets;
    struct vsock_stream *buckets[BUCKETS];
};

/* vsock_table.c */
struct vsock_stream *vsock_table_find(struct vsock_dev *v, uint32_t guest_port, uint32_t host_port);
/* NULL when there are too many streams. */
struct vsock_stream *vsock_table_add(struct vsock_dev *v, uint32_t guest_port, uint32_t host_port,
                                     enum vsock_state state);
void vsock_table_forget(struct vsock_stream *s); /* its ports may be used again */
void vsock_table_remove(struct vsock_stream *s); /* and frees it */
void vsock_table_set_idle(struct vsock_stream *s, bool is_idle);
struct vsock_stream *vsock_table_find_idle(struct vsock_dev *v, uint32_t guest_port);
uint32_t vsock_table_free_port(struct vsock_dev *v, uint32_t guest_port);

/* vsock_stream.c */
/* Something for the guest: queues the stream for its turn. */
void vsock_stream_wake(struct vsock_stream *s);
void vsock_stream_owe(struct vsock_stream *s, unsigned packets);
/* A packet that was owed has been sent. May free the stream. */
void vsock_stream_paid(struct vsock_stream *s, enum vsock_op op);
/* The guest has answered, or was answered: bytes flow. */
void vsock_stream_open(struct vsock_stream *s);
/* Calls on_done, unless it was called. */
void vsock_stream_report(struct vsock_stream *s, int error);
/* Draws the conclusions when a direction has made progress or ended. May free the stream. */
void vsock_stream_settle(struct vsock_stream *s);
/* Counts the end of a stream. */
void vsock_stream_leave_live(struct vsock_stream *s, bool by_reset);
/* Before it changes from IDLE to another state: nobody finds it for a connection any more. */
void vsock_stream_leave_idle(struct vsock_stream *s);
/* Aborts the stream when the time is over; it may be started again before. */
void vsock_stream_limit(struct vsock_stream *s, unsigned ms);
/* Starts the time that the owner has for a held stream. */
void vsock_stream_hold(struct vsock_stream *s);
/* Ends it from our side: closes the socket with a reset; the guest is owed a RST if it knows the
 * stream. error is for on_done. */
void vsock_stream_abort(struct vsock_stream *s, int error);
/* Ends it without telling the guest, which has forgotten it. */
void vsock_stream_drop(struct vsock_stream *s, int error);
/* Adds to a counter of the device, and of the stream's group. */
#define VSOCK_COUNT(s, member, n) vsock_stream_count(s, offsetof(struct devctl_counters, member), n)
void vsock_stream_count(struct vsock_stream *s, size_t member, int64_t n);
#define VSOCK_EVENTS_READ (EPOLLIN | EPOLLRDHUP | EPOLLET) /* of its socket */

/* The guest will send nothing more of this connection. */
bool vsock_stream_guest_ended(const struct vsock_stream *s);

/* vsock_from_guest.c */
/* A packet of the guest for the stream; the payload has header->len bytes. May free the stream. */
void vsock_stream_packet(struct vsock_stream *s, const struct vsock_header *header,
                         struct iovec *payload, unsigned n_payload);
/* The socket takes bytes again. May free the stream. */
void vsock_stream_flush(struct vsock_stream *s);

/* vsock_to_guest.c */
/* Bytes that may be sent to the guest now; 0 when there is nothing to send or no space. */
uint32_t vsock_stream_sendable(struct vsock_stream *s);
/* Reads what goes to the guest. 0: nothing now (it may have ended; look at owed). */
size_t vsock_stream_read(struct vsock_stream *s, const struct iovec *iov, unsigned n_iov);
/* Fills the parts of a header that belong to the stream. */
void vsock_stream_header(struct vsock_stream *s, struct vsock_header *out);

/* vsock_dev.c */
void vsock_dev_wake(struct vsock_dev *v);

#endif
