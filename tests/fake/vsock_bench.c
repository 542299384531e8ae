#include "vsock_bench.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

void vsock_bench_step(struct vsock_bench *b)
{
    bool ok = evloop_step(b->loop, 0, NULL);

    assert(ok);
}

static void spin(void *arg)
{
    vsock_bench_step(arg);
}

static void guest_up(void *owner, bool resumed)
{
    struct vsock_bench *b = owner;

    b->n_up++;
    b->n_resumed += resumed;
}

static void guest_down(void *owner, const char *broken)
{
    struct vsock_bench *b = owner;

    b->n_down++;
    b->broken = broken;
}

static bool guest_connects(void *owner, struct vsock_stream *s)
{
    struct vsock_bench *b = owner;
    int fds[2], rc;

    if (vsock_stream_host_port(s) == BENCH_HOLD_PORT) {
        b->held = s;
        b->held_number = vsock_stream_number(s);
        return true;
    }
    if (vsock_stream_host_port(s) != BENCH_PORT ||
        b->n_accepted == sizeof(b->accepted) / sizeof(b->accepted[0]))
        return false;
    rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
    assert(rc == 0);
    b->accepted[b->n_accepted++] = fds[0];
    vsock_stream_accept(s, fds[1], NULL, NULL, false);
    return true;
}

static void gone(void *owner, const struct err *err)
{
    struct vsock_bench *b = owner;

    b->n_gone++;
    vsock_dev_free(b->dev);
    b->dev = NULL;
}

static const struct vsock_dev_events events = { guest_up, guest_down, guest_connects, gone };

void vsock_bench_open(struct vsock_bench *b, uint64_t features, unsigned n_streams_max)
{
    int fds[2], rc;

    *b = (struct vsock_bench){ 0 };
    rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    assert(rc == 0);
    b->loop = evloop_new(NULL);
    b->dev = vsock_dev_new(b->loop, fds[1], n_streams_max, &events, b, NULL);
    assert(b->dev);
    b->g = fake_guest_new(fds[0], features, spin, b);
    fake_vsock_init(&b->guest, b->g, BENCH_ECHO_PORT);
    fake_guest_start(b->g, false);
    vsock_bench_step(b);
}

void vsock_bench_close(struct vsock_bench *b)
{
    for (unsigned i = 0; i < b->n_accepted; i++)
        if (b->accepted[i] >= 0)
            (void)close(b->accepted[i]);
    vsock_dev_free(b->dev);
    fake_vsock_done(&b->guest);
    fake_guest_free(b->g);
    evloop_free(b->loop);
}

void vsock_bench_settle(struct vsock_bench *b)
{
    bool busy;

    do {
        vsock_bench_step(b);
        busy = fake_vsock_poll(&b->guest) || evloop_is_busy(b->loop);
    } while (busy);
}

static void done(void *arg, struct vsock_stream *s, int error)
{
    struct vsock_bench *b = arg;

    b->n_done++;
    b->done_error = error;
}

static int connect_with(struct vsock_bench *b, struct vsock_connect how)
{
    int fds[2], rc, error;

    how.on_done = done;
    how.arg = b;
    rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
    assert(rc == 0);
    if (!vsock_connect(b->dev, &how, fds[1], &error))
        done(b, NULL, error);
    return fds[0];
}

int vsock_bench_connect(struct vsock_bench *b, uint32_t port, struct sv preface, void *client,
                        bool dies_with_client)
{
    return connect_with(b, (struct vsock_connect){ .port = port,
                                                   .preface = preface,
                                                   .client = client,
                                                   .dies_with_client = dies_with_client });
}

int vsock_bench_forward(struct vsock_bench *b, uint32_t port, struct sv preface)
{
    return connect_with(
        b, (struct vsock_connect){ .port = port, .preface = preface, .is_chunked = true });
}
