#include "fake_vsock.h"

#include <string.h>

#define SPACE 65536u
#define CHUNK 8192u

uint8_t fake_byte(uint64_t n)
{
    return (uint8_t)(n * 31 + (n >> 8) * 7 + (n >> 16));
}

uint64_t fake_sum(uint64_t sum, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ bytes[i]) * 1099511628211ull;
    return sum;
}

void fake_vsock_init(struct fake_vsock *v, struct fake_guest *g, uint32_t listen_port)
{
    *v = (struct fake_vsock){ .g = g, .listen_port = listen_port, .next_port = 1024 };
}

static void conn_free(struct fake_conn *c)
{
    vec_done(&c->echo);
    free(c);
}

void fake_vsock_done(struct fake_vsock *v)
{
    for (size_t i = 0; i < v->n_conns; i++)
        conn_free(v->conns[i]);
    free(v->conns);
}

void fake_vsock_sweep(struct fake_vsock *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_conns; i++) {
        if (v->conns[i]->is_gone)
            conn_free(v->conns[i]);
        else
            v->conns[n++] = v->conns[i];
    }
    v->n_conns = n;
}

size_t fake_vsock_live(const struct fake_vsock *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_conns; i++)
        n += !v->conns[i]->is_gone;
    return n;
}

struct fake_conn *fake_vsock_find(struct fake_vsock *v, uint32_t guest_port, uint32_t host_port)
{
    for (size_t i = 0; i < v->n_conns; i++)
        if (v->conns[i]->guest_port == guest_port && v->conns[i]->host_port == host_port &&
            !v->conns[i]->is_gone)
            return v->conns[i];
    return NULL;
}

static struct fake_conn *conn_add(struct fake_vsock *v, uint32_t guest_port, uint32_t host_port)
{
    struct fake_conn *c = mem_new(struct fake_conn);

    c->guest_port = guest_port;
    c->host_port = host_port;
    c->space = SPACE;
    c->is_paused = v->paused;
    c->is_mute = v->mute;
    if (v->n_conns == v->cap) {
        v->cap = v->cap ? 2 * v->cap : 64;
        v->conns = mem_resize(v->conns, v->cap, sizeof(*v->conns));
    }
    v->conns[v->n_conns++] = c;
    return c;
}

static size_t put_header(uint8_t *out, struct fake_conn *c, unsigned op, uint32_t len, uint32_t flags)
{
    vsock_header_encode(&(struct vsock_header){ .src_cid = 3, .dst_cid = 2,
                                                .src_port = c->guest_port, .dst_port = c->host_port,
                                                .len = len, .type = 1, .op = (uint16_t)op,
                                                .flags = flags, .buf_alloc = c->space,
                                                .fwd_cnt = c->taken }, out);
    c->told = c->taken;
    return VSOCK_HEADER_LEN;
}

bool fake_conn_packet(struct fake_vsock *v, struct fake_conn *c, unsigned op, uint32_t flags)
{
    uint8_t packet[VSOCK_HEADER_LEN];
    size_t n = put_header(packet, c, op, 0, flags);

    for (int i = 0; i < 100; i++) {
        if (fake_guest_send(v->g, packet, n))
            return true;
        v->g->spin(v->g->arg);
    }
    return false;
}

struct fake_conn *fake_vsock_connect(struct fake_vsock *v, uint32_t host_port)
{
    struct fake_conn *c = conn_add(v, v->next_port++, host_port);

    if (v->next_port == 0xffffffff)
        v->next_port = 1024;
    (void)fake_conn_packet(v, c, VSOCK_OP_REQUEST, 0);
    return c;
}

static size_t send_bytes(struct fake_vsock *v, struct fake_conn *c, const uint8_t *bytes, size_t n)
{
    uint8_t packet[VSOCK_HEADER_LEN + CHUNK];
    /* Linux uses no more space of the peer than it has itself. */
    uint32_t limit = c->peer_space < c->space || c->is_greedy ? c->peer_space : c->space;
    uint32_t in_flight = c->sent - c->peer_taken;
    size_t room = in_flight < limit ? limit - in_flight : 0;

    if (n > CHUNK)
        n = CHUNK;
    if (n > room)
        n = room;
    if (n == 0)
        return 0;
    memcpy(packet + put_header(packet, c, VSOCK_OP_RW, (uint32_t)n, 0), bytes, n);
    if (!fake_guest_send(v->g, packet, VSOCK_HEADER_LEN + n))
        return 0;
    c->sum_sent = fake_sum(c->sum_sent, bytes, n);
    c->sent += (uint32_t)n;
    return n;
}

size_t fake_conn_send(struct fake_vsock *v, struct fake_conn *c, size_t n)
{
    uint8_t bytes[CHUNK];
    size_t total = 0;

    while (total < n) {
        size_t part = n - total < CHUNK ? n - total : CHUNK, done;

        for (size_t i = 0; i < part; i++)
            bytes[i] = fake_byte(c->sent + i);
        done = send_bytes(v, c, bytes, part);
        if (done == 0)
            break;
        total += done;
    }
    return total;
}

void fake_conn_close(struct fake_vsock *v, struct fake_conn *c)
{
    if (c->is_gone)
        return;
    if (c->got_eof && c->sent_eof) {
        (void)fake_conn_packet(v, c, VSOCK_OP_RST, 0);
        c->is_gone = true;
    } else {
        (void)fake_conn_packet(v, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
        c->sent_both = true;
    }
}

/* Sends back what waits; ends the direction when the peer ended its own. */
static void go_on(struct fake_vsock *v, struct fake_conn *c)
{
    while (c->echo_at < c->echo.n) {
        size_t n = send_bytes(v, c, c->echo.v + c->echo_at, c->echo.n - c->echo_at);

        if (n == 0)
            return;
        c->echo_at += n;
    }
    c->echo.n = c->echo_at = 0;
    if (c->echoes && c->got_eof && !c->sent_eof &&
        fake_conn_packet(v, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND))
        c->sent_eof = true;
}

static void take(struct fake_vsock *v, struct fake_conn *c, const uint8_t *bytes, size_t n)
{
    c->received += (uint32_t)n;
    c->sum_received = fake_sum(c->sum_received, bytes, n);
    if (c->received - c->taken > c->space)
        v->n_bad++; /* more than it was granted */
    if (c->is_paused)
        return;
    c->taken = c->received;
    if (c->echoes)
        for (size_t i = 0; i < n; i++)
            *vec_push(&c->echo) = bytes[i];
    if (c->taken - c->told >= c->space / 2)
        (void)fake_conn_packet(v, c, VSOCK_OP_CREDIT_UPDATE, 0);
}

static void handle(struct fake_vsock *v, struct fake_conn *c, const struct vsock_header *h,
                   const uint8_t *payload)
{
    c->peer_space = h->buf_alloc;
    c->peer_taken = h->fwd_cnt;
    switch (h->op) {
    case VSOCK_OP_RESPONSE:
        c->is_open = true;
        break;
    case VSOCK_OP_RST:
        c->was_reset = !c->sent_both;
        c->is_gone = true;
        return;
    case VSOCK_OP_RW:
        v->n_data++;
        take(v, c, payload, h->len);
        break;
    case VSOCK_OP_CREDIT_REQUEST:
        (void)fake_conn_packet(v, c, VSOCK_OP_CREDIT_UPDATE, 0);
        break;
    case VSOCK_OP_CREDIT_UPDATE:
        break;
    case VSOCK_OP_SHUTDOWN:
        c->got_eof = c->got_eof || (h->flags & VSOCK_SHUTDOWN_SEND);
        if (h->flags == VSOCK_SHUTDOWN_BOTH && !c->is_paused) {
            (void)fake_conn_packet(v, c, VSOCK_OP_RST, 0);
            c->is_gone = true;
            return;
        }
        break;
    default:
        v->n_bad++;
    }
    go_on(v, c);
}

bool fake_vsock_poll(struct fake_vsock *v)
{
    uint8_t packet[44 + FAKE_RX_SIZE];
    bool any = false;
    size_t n;

    while ((n = fake_guest_receive(v->g, packet)) > 0) {
        struct vsock_header h;
        struct fake_conn *c;

        any = true;
        v->n_packets++;
        vsock_header_decode(&h, packet);
        if (h.src_cid != 2 || h.dst_cid != 3 || h.type != 1 || n != VSOCK_HEADER_LEN + h.len) {
            v->n_bad++;
            continue;
        }
        c = fake_vsock_find(v, h.dst_port, h.src_port);
        if (!c && h.op == VSOCK_OP_REQUEST) {
            c = conn_add(v, h.dst_port, h.src_port);
            c->peer_space = h.buf_alloc;
            if (v->mute)
                continue;
            if (h.dst_port == v->listen_port) {
                c->is_open = c->echoes = true;
                (void)fake_conn_packet(v, c, VSOCK_OP_RESPONSE, 0);
            } else {
                c->is_gone = true;
                (void)fake_conn_packet(v, c, VSOCK_OP_RST, 0);
            }
        } else if (c) {
            handle(v, c, &h, packet + VSOCK_HEADER_LEN);
        } else if (h.op != VSOCK_OP_RST) {
            v->n_bad++;
        }
    }
    for (size_t i = 0; i < v->n_conns; i++) {
        struct fake_conn *c = v->conns[i];

        if (!c->is_gone && c->echo.n > 0) {
            size_t before = c->echo_at;

            go_on(v, c);
            any = any || c->echo_at != before || c->echo.n == 0;
        }
    }
    return any;
}
