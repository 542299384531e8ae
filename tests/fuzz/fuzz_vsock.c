/*
 * The guest's side of the vsock device: packets, well-formed and not, descriptors and rings written
 * at will, while sockets of the host come and go.
 */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_input.h"
#include "vsock_bench.h"

#define STEPS_MAX 128
#define SOCKETS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum action {
    PACKET,
    RAW_PACKET,
    DESCRIPTOR,
    RING_BYTES,
    OFFER,
    RECEIVE,
    GUEST_POLL,
    HOST_CONNECT,
    HOST_SOCKET,
    HELD,
    RESTART,
    DROP_CLIENT,
    N_ACTIONS,
};

static const uint32_t ports[] = { BENCH_PORT, BENCH_HOLD_PORT, BENCH_ECHO_PORT, 1024, 1025, 0x40000000,
                                  0x40000001, 99 };

static uint32_t port(struct fuzz_input *in)
{
    return ports[fuzz_u8(in) % (sizeof(ports) / sizeof(ports[0]))];
}

static void send_packet(struct vsock_bench *b, struct fuzz_input *in)
{
    uint8_t packet[VSOCK_HEADER_LEN + 1024] = { 0 };
    struct vsock_header h = { .src_cid = 3, .dst_cid = 2, .type = 1 };
    uint8_t shape;

    h.op = fuzz_u8(in) % 9;
    h.src_port = port(in);
    h.dst_port = port(in);
    shape = fuzz_u8(in);
    h.flags = shape & 3;
    h.buf_alloc = shape & 4 ? fuzz_u32(in) : 65536;
    h.fwd_cnt = shape & 8 ? fuzz_u32(in) : 0;
    h.len = h.op == VSOCK_OP_RW ? fuzz_u16(in) & 1023 : 0;
    vsock_header_encode(&h, packet);
    (void)fake_guest_send(b->g, packet, VSOCK_HEADER_LEN + h.len);
}

static void use_socket(struct fuzz_input *in, int *fd)
{
    static char bytes[4096];
    uint8_t what = fuzz_u8(in);

    if (*fd < 0)
        return;
    switch (what % 5) {
    case 0:
        (void)send(*fd, bytes, fuzz_u16(in) & 4095, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case 1:
        (void)recv(*fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        break;
    case 2:
        (void)shutdown(*fd, SHUT_WR);
        break;
    case 3:
        (void)shutdown(*fd, SHUT_RD);
        break;
    default:
        (void)close(*fd);
        *fd = -1;
    }
}

static void answer_held(struct vsock_bench *b, bool accept)
{
    struct vsock_stream *s = vsock_dev_find_held(b->dev, b->held_number, NULL);
    int fds[2];

    if (!s)
        return;
    if (!accept || b->n_accepted == 64 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
        vsock_stream_refuse(s);
        return;
    }
    b->accepted[b->n_accepted++] = fds[0];
    vsock_stream_accept(s, fds[1], NULL, NULL, false);
}

static void act(struct vsock_bench *b, struct fuzz_input *in, int sockets[SOCKETS])
{
    static int client;
    uint8_t bytes[256];
    uint8_t packet[44 + FAKE_RX_SIZE];
    unsigned queue, i;

    switch (fuzz_u8(in) % N_ACTIONS) {
    case PACKET:
        send_packet(b, in);
        break;
    case RAW_PACKET:
        (void)fake_guest_send(b->g, bytes, fuzz_bytes(in, bytes, fuzz_u8(in)));
        break;
    case DESCRIPTOR:
        queue = fuzz_u8(in) & 1;
        i = fuzz_u8(in) % FAKE_QUEUE_NUM;
        fake_guest_desc(b->g, queue, i, fuzz_u32(in), fuzz_u32(in), fuzz_u8(in), fuzz_u8(in));
        break;
    case RING_BYTES: /* descriptors, rings, and the first buffers */
        i = fuzz_u16(in);
        memcpy(b->g->mem + i, bytes, fuzz_bytes(in, bytes, fuzz_u8(in)));
        break;
    case OFFER:
        queue = fuzz_u8(in) & 1;
        fake_guest_offer(b->g, queue, fuzz_u8(in));
        fake_guest_kick(b->g, queue);
        break;
    case RECEIVE:
        (void)fake_guest_receive(b->g, packet);
        break;
    case GUEST_POLL:
        for (i = 0; i < 100 && fake_vsock_poll(&b->guest); i++)
            vsock_bench_step(b);
        break;
    case HOST_CONNECT:
        i = fuzz_u8(in) % SOCKETS;
        if (sockets[i] < 0)
            sockets[i] = vsock_bench_connect(b, port(in), SV("preface"), &client, i & 1);
        break;
    case HOST_SOCKET:
        i = fuzz_u8(in);
        if (i % 2 == 0)
            use_socket(in, &sockets[i / 2 % SOCKETS]);
        else if (b->n_accepted > 0)
            use_socket(in, &b->accepted[i / 2 % b->n_accepted]);
        break;
    case HELD:
        answer_held(b, fuzz_u8(in) & 1);
        break;
    case RESTART:
        fake_guest_stop(b->g);
        fake_guest_start(b->g, fuzz_u8(in) & 1);
        break;
    default:
        vsock_dev_drop_client(b->dev, &client);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    static struct vsock_bench b;
    int sockets[SOCKETS];

    (void)signal(SIGPIPE, SIG_IGN);
    vsock_bench_open(&b, UINT64_MAX, 12);
    for (int i = 0; i < SOCKETS; i++)
        sockets[i] = -1;
    for (int i = 0; i < STEPS_MAX && in.n > 0 && b.n_accepted < 60; i++) {
        act(&b, &in, sockets);
        for (int k = 0; k < 2; k++)
            vsock_bench_step(&b);
    }
    for (int i = 0; i < SOCKETS; i++)
        if (sockets[i] >= 0)
            (void)close(sockets[i]);
    vsock_bench_close(&b);
    return 0;
}
