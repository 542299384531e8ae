/*
 * Theory of operation. One task does all the work on the queues: it takes packets of the guest from
 * the transmit queue, and gives streams their turns to fill buffers of the receive queue. Streams
 * that have something for the guest wait in a list; each turn moves at most TURN_BYTES, so that one
 * stream cannot starve the others. When the guest has no receive buffer left the turns stop until it
 * kicks; at all other times kicks of that queue are switched off, since buffers are always welcome.
 *
 * Transmit packets are always taken, so that neither side can wait for the other for ever. What a
 * packet may cause is bounded: flags in a stream, or one entry in a small list of RSTs.
 */
#include "vhost/vsock_dev.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vhost/pieces.h"
#include "vhost/vsock_priv.h"

#define TX_BATCH 64       /* packets of the guest in one round */
#define TURNS_BATCH 32    /* turns in one round */
#define TX_PIECES_MAX 128 /* of one packet */
#define RX_PIECES_MAX 8   /* of one buffer */
#define RX_BUFFERS_MAX 32 /* filled in one turn */
#define TURN_BYTES (128u << 10)

struct rx_buffer {
    struct vhost_chain chain;
    struct iovec pieces[RX_PIECES_MAX];
};

/* To the guest. */

static bool rx_take(struct vsock_dev *v, struct rx_buffer *out)
{
    struct vhost_ring *ring = vhost_dev_ring(&v->base, RX_QUEUE);
    enum vhost_pop got = vhost_ring_pop(ring, &out->chain, out->pieces, RX_PIECES_MAX);

    if (got == VHOST_POP_CHAIN && out->chain.n_out == 0 && out->chain.in_len > VSOCK_HEADER_LEN)
        return true;
    if (got == VHOST_POP_CHAIN)
        vhost_ring_break(ring, "a receive buffer is not writable or too small");
    if (got != VHOST_POP_EMPTY)
        vhost_dev_report_broken(&v->base);
    return false;
}

static void rx_give(struct vsock_dev *v, const struct rx_buffer *buffer,
                    const struct vsock_header *header)
{
    uint8_t bytes[VSOCK_HEADER_LEN];

    vsock_header_encode(header, bytes);
    pieces_put(buffer->pieces, bytes, sizeof(bytes));
    vhost_ring_push(vhost_dev_ring(&v->base, RX_QUEUE), &buffer->chain,
                    VSOCK_HEADER_LEN + header->len);
}

/* The turn of a stream, in steps: each sends something, and says how to go on. */
enum turn { TURN_MORE, TURN_OVER, TURN_NO_ROOM };

/* Sends one packet that is owed. The stream may be gone afterwards if that was a RST. */
static enum turn send_owed(struct vsock_dev *v, struct vsock_stream *s)
{
    static const enum vsock_op order[] = { VSOCK_OP_RST,      VSOCK_OP_REQUEST,
                                           VSOCK_OP_RESPONSE, VSOCK_OP_SHUTDOWN,
                                           VSOCK_OP_CREDIT_UPDATE, VSOCK_OP_CREDIT_REQUEST };
    struct vsock_header header;
    struct rx_buffer buffer;
    size_t i = 0;

    while (!(s->owed & 1u << order[i]))
        i++;
    if (!rx_take(v, &buffer))
        return TURN_NO_ROOM;
    vsock_stream_header(s, &header);
    header.op = order[i];
    if (order[i] == VSOCK_OP_SHUTDOWN)
        header.flags = s->shutdown_sent;
    rx_give(v, &buffer, &header);
    vsock_stream_paid(s, order[i]);
    return order[i] == VSOCK_OP_RST ? TURN_OVER : TURN_MORE;
}

static enum turn send_data(struct vsock_dev *v, struct vsock_stream *s, uint32_t max, size_t *left)
{
    struct rx_buffer buffers[RX_BUFFERS_MAX];
    struct iovec iov[RX_BUFFERS_MAX * RX_PIECES_MAX];
    unsigned n_buffers = 0, n_iov = 0, n_used = 0;
    size_t room = 0, got;

    if (max > *left)
        max = (uint32_t)*left;
    while (room < max && n_buffers < RX_BUFFERS_MAX && rx_take(v, &buffers[n_buffers])) {
        const struct rx_buffer *b = &buffers[n_buffers++];
        size_t part = b->chain.in_len - VSOCK_HEADER_LEN;

        if (part > max - room)
            part = max - room;
        n_iov += pieces_slice(b->pieces, VSOCK_HEADER_LEN, part, iov + n_iov);
        room += part;
    }
    if (n_buffers == 0)
        return TURN_NO_ROOM;
    got = vsock_stream_read(s, iov, n_iov);
    *left -= got;
    for (size_t todo = got; todo > 0; n_used++) {
        const struct rx_buffer *b = &buffers[n_used];
        size_t part = b->chain.in_len - VSOCK_HEADER_LEN;
        struct vsock_header header;

        if (part > todo)
            part = todo;
        vsock_stream_header(s, &header);
        header.op = VSOCK_OP_RW;
        header.len = (uint32_t)part;
        rx_give(v, b, &header);
        todo -= part;
    }
    vhost_ring_unpop(vhost_dev_ring(&v->base, RX_QUEUE), n_buffers - n_used);
    return TURN_MORE;
}

/* TURN_MORE: it used up its share and has more. */
static enum turn take_turn(struct vsock_dev *v, struct vsock_stream *s)
{
    size_t left = TURN_BYTES;

    for (;;) {
        uint32_t n = vsock_stream_sendable(s);
        enum turn result;

        if (s->owed)
            result = send_owed(v, s);
        else if (n == 0)
            return TURN_OVER;
        else if (left == 0)
            return TURN_MORE;
        else
            result = send_data(v, s, n, &left);
        if (result != TURN_MORE)
            return result;
    }
}

/* False when the guest has no buffers left. */
static bool send_resets(struct vsock_dev *v)
{
    while (v->resets.n > 0) {
        struct rx_buffer buffer;
        unsigned i = v->resets.first;

        if (!rx_take(v, &buffer))
            return false;
        rx_give(v, &buffer, &(struct vsock_header){ .src_cid = VSOCK_CID_HOST,
                                                    .dst_cid = VSOCK_GUEST_CID,
                                                    .src_port = v->resets.host_port[i],
                                                    .dst_port = v->resets.guest_port[i],
                                                    .type = v->resets.type[i],
                                                    .op = VSOCK_OP_RST });
        v->resets.first = (i + 1) % RESETS_MAX;
        v->resets.n--;
    }
    return true;
}

static bool send_turns(struct vsock_dev *v)
{
    for (unsigned i = 0; i < TURNS_BATCH && !list_is_empty(&v->turns); i++) {
        struct vsock_stream *s = CONTAINER_OF(v->turns.next, struct vsock_stream, turn);
        enum turn result;

        list_remove(&s->turn);
        result = take_turn(v, s);
        if (result == TURN_NO_ROOM) {
            list_remove(&s->turn); /* it may have queued itself */
            list_push_front(&v->turns, &s->turn);
            return false;
        }
        if (result == TURN_MORE && !s->turn.next)
            list_push_back(&v->turns, &s->turn);
    }
    return true;
}

/* From the guest. */

static void add_reset(struct vsock_dev *v, const struct vsock_header *header)
{
    unsigned i = (v->resets.first + v->resets.n) % RESETS_MAX;

    if (v->resets.n == RESETS_MAX)
        return; /* a courtesy: it will ask again */
    v->resets.guest_port[i] = header->src_port;
    v->resets.host_port[i] = header->dst_port;
    v->resets.type[i] = header->type;
    v->resets.n++;
}

static void handle_request(struct vsock_dev *v, const struct vsock_header *header)
{
    struct vsock_stream *s = vsock_table_add(v, header->src_port, header->dst_port, STREAM_HELD);

    if (!s) {
        v->counters.refused++;
        add_reset(v, header);
        return;
    }
    s->peer_space = header->buf_alloc;
    s->peer_taken = header->fwd_cnt;
    if (!v->events->on_request(v->owner, s))
        vsock_stream_refuse(s);
    else if (s->state == STREAM_HELD)
        vsock_stream_hold(s);
}

static void handle_packet(struct vsock_dev *v, const struct vhost_chain *chain,
                          const struct iovec *pieces)
{
    uint8_t bytes[VSOCK_HEADER_LEN];
    struct vsock_header header;
    struct iovec payload[TX_PIECES_MAX];
    struct vsock_stream *s;

    if (chain->out_len < VSOCK_HEADER_LEN)
        return;
    pieces_get(pieces, bytes, sizeof(bytes));
    vsock_header_decode(&header, bytes);
    if (header.src_cid != VSOCK_GUEST_CID || header.dst_cid != VSOCK_CID_HOST)
        return;
    s = header.type == VSOCK_TYPE_STREAM ? vsock_table_find(v, header.src_port, header.dst_port)
                                         : NULL;
    if (header.op != VSOCK_OP_RW)
        header.len = 0;
    if (header.len > chain->out_len - VSOCK_HEADER_LEN) {
        if (s)
            vsock_stream_abort(s, EPROTO);
    } else if (s) {
        vsock_stream_packet(s, &header, payload,
                            pieces_slice(pieces, VSOCK_HEADER_LEN, header.len, payload));
    } else if (header.op == VSOCK_OP_REQUEST && header.type == VSOCK_TYPE_STREAM) {
        handle_request(v, &header);
    } else if (header.op != VSOCK_OP_RST) {
        add_reset(v, &header);
    }
}

/* True when there may be more. */
static bool receive_packets(struct vsock_dev *v)
{
    struct vhost_ring *ring = vhost_dev_ring(&v->base, TX_QUEUE);

    for (unsigned i = 0; i < TX_BATCH; i++) {
        struct iovec pieces[TX_PIECES_MAX];
        struct vhost_chain chain;

        switch (vhost_ring_pop(ring, &chain, pieces, TX_PIECES_MAX)) {
        case VHOST_POP_CHAIN:
            handle_packet(v, &chain, pieces);
            vhost_ring_push(ring, &chain, 0);
            vhost_linger_note(&v->linger);
            break;
        case VHOST_POP_EMPTY:
            return vhost_linger_goes_on(&v->linger) ||
                   vhost_ring_want_kicks(ring);
        case VHOST_POP_BROKEN:
            vhost_dev_report_broken(&v->base);
            return false;
        }
    }
    return true;
}

static void expect_answer(struct vsock_dev *v)
{
    vhost_linger_note(&v->linger);
    if (!v->tx_pending && vhost_linger_goes_on(&v->linger)) {
        v->tx_pending = true;
        vhost_ring_refuse_kicks(vhost_dev_ring(&v->base, TX_QUEUE));
    }
}

static void do_work(struct ev_task *task)
{
    struct vsock_dev *v = CONTAINER_OF(task, struct vsock_dev, work);
    bool has_sent = false;

    if (!vsock_dev_is_up(v))
        return;
    if (v->tx_pending)
        v->tx_pending = receive_packets(v);
    if (!v->wants_rx && (v->resets.n > 0 || !list_is_empty(&v->turns))) {
        if (!send_resets(v) || !send_turns(v))
            v->wants_rx = !vhost_ring_want_kicks(vhost_dev_ring(&v->base, RX_QUEUE));
        has_sent = vhost_ring_untold(vhost_dev_ring(&v->base, RX_QUEUE)) > 0;
        vhost_dev_notify(&v->base, RX_QUEUE);
    }
    if (has_sent) {
        expect_answer(v);
        vhost_dev_notify(&v->base, TX_QUEUE); /* it is called anyway */
    } else {
        vhost_dev_notify_late(&v->base, TX_QUEUE);
    }
    if (v->tx_pending || (!v->wants_rx && (v->resets.n > 0 || !list_is_empty(&v->turns))))
        vsock_dev_wake(v);
}

void vsock_dev_wake(struct vsock_dev *v)
{
    ev_task_queue(v->base.loop, &v->work, do_work);
}

/* Life cycle. */

static void drop_streams(struct vsock_dev *v)
{
    while (!list_is_empty(&v->streams))
        vsock_stream_drop(CONTAINER_OF(v->streams.next, struct vsock_stream, link), ENETRESET);
    v->resets.n = 0;
}

static bool read_config(struct vhost_dev *d, uint32_t offset, uint8_t *out, uint32_t len)
{
    const uint64_t cid = htole64(VSOCK_GUEST_CID);

    if (offset > sizeof(cid) || len > sizeof(cid) - offset)
        return false;
    memcpy(out, (const uint8_t *)&cid + offset, len);
    return true;
}

static void started(struct vhost_dev *d, bool resumed)
{
    struct vsock_dev *v = CONTAINER_OF(d, struct vsock_dev, base);

    if (!resumed)
        drop_streams(v); /* those of the driver before */
    v->wants_rx = false;
    v->tx_pending = true;
    vhost_ring_refuse_kicks(vhost_dev_ring(d, RX_QUEUE));
    vsock_dev_wake(v);
    v->events->on_up(v->owner, resumed);
}

static void stopped(struct vhost_dev *d, const char *broken)
{
    struct vsock_dev *v = CONTAINER_OF(d, struct vsock_dev, base);

    if (broken)
        drop_streams(v);
    v->events->on_down(v->owner, broken);
}

static void kicked(struct vhost_dev *d, unsigned queue)
{
    struct vsock_dev *v = CONTAINER_OF(d, struct vsock_dev, base);

    if (queue == TX_QUEUE) {
        v->tx_pending = true;
        vhost_ring_refuse_kicks(vhost_dev_ring(d, TX_QUEUE));
    } else {
        v->wants_rx = false;
        vhost_ring_refuse_kicks(vhost_dev_ring(d, RX_QUEUE));
    }
    vsock_dev_wake(v);
}

static void gone(struct vhost_dev *d, const struct err *err)
{
    struct vsock_dev *v = CONTAINER_OF(d, struct vsock_dev, base);

    v->events->on_gone(v->owner, err);
}

static const struct vhost_dev_ops ops = {
    .name = "vsock device",
    .n_queues = N_QUEUES,
    .read_config = read_config,
    .on_started = started,
    .on_stopped = stopped,
    .on_kick = kicked,
    .on_gone = gone,
};

struct vsock_dev *vsock_dev_new(struct evloop *loop, int take_fd, unsigned n_streams_max,
                                const struct vsock_dev_events *events, void *owner,
                                struct err **errp)
{
    struct vsock_dev *v = mem_new(struct vsock_dev);

    v->events = events;
    v->owner = owner;
    v->n_streams_max = n_streams_max;
    list_init(&v->streams);
    list_init(&v->turns);
    list_init(&v->idle);
    if (!vhost_dev_init(&v->base, loop, take_fd, &ops, errp)) {
        free(v);
        return NULL;
    }
    return v;
}

void vsock_dev_free(struct vsock_dev *v)
{
    if (!v)
        return;
    drop_streams(v);
    ev_task_cancel(&v->work);
    vhost_dev_done(&v->base);
    free(v);
}

bool vsock_dev_is_up(const struct vsock_dev *v)
{
    return v->base.is_started;
}

const struct devctl_counters *vsock_dev_counters(const struct vsock_dev *v)
{
    return &v->counters;
}
