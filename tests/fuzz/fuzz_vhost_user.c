/*
 * QEMU's side of the socket: messages of any kind, with any descriptors, to a real device with
 * memory and queues behind it.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_input.h"
#include "vsock_bench.h"
#include "wire/vhost_user.h"

#define STEPS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum action { MESSAGE, RAW, KICK, CONNECT, N_ACTIONS };

static void work(struct vsock_bench *b)
{
    char answers[4096];

    for (int i = 0; i < 3 && b->dev; i++)
        vsock_bench_step(b);
    while (recv(b->g->sock, answers, sizeof(answers), MSG_DONTWAIT) > 0)
        ;
}

static void send_message(struct vsock_bench *b, struct fuzz_input *in)
{
    const int some[] = { b->g->mem_fd, b->g->kick_fd[0], b->g->kick_fd[1], b->g->call_fd[0], 0 };
    uint8_t bytes[VHOST_USER_HEAD_LEN + 512];
    uint32_t head[3] = { fuzz_u8(in) };
    uint8_t flags = fuzz_u8(in);
    int fds[10];
    unsigned n_fds = flags & 7;

    head[1] = VHOST_USER_VERSION | (flags & 0x80 ? VHOST_USER_NEED_REPLY : 0);
    head[2] = (uint32_t)fuzz_bytes(in, bytes + sizeof(head), fuzz_u16(in) & 511);
    for (unsigned i = 0; i < n_fds; i++)
        fds[i] = some[(flags >> 3) % 5];
    memcpy(bytes, head, sizeof(head));
    fake_guest_send_raw(b->g, bytes, sizeof(head) + head[2], fds, n_fds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    static struct vsock_bench b;

    (void)signal(SIGPIPE, SIG_IGN);
    vsock_bench_open(&b, UINT64_MAX, 8);
    for (int i = 0; i < STEPS_MAX && in.n > 0 && b.dev; i++) {
        uint8_t bytes[256];

        switch (fuzz_u8(&in) % N_ACTIONS) {
        case MESSAGE:
            send_message(&b, &in);
            break;
        case RAW:
            fake_guest_send_raw(b.g, bytes, fuzz_bytes(&in, bytes, fuzz_u8(&in)), NULL, 0);
            break;
        case KICK:
            fake_guest_kick(b.g, fuzz_u8(&in) % 2);
            break;
        default:
            (void)fake_vsock_connect(&b.guest, BENCH_PORT);
        }
        work(&b);
    }
    vsock_bench_close(&b);
    return 0;
}
