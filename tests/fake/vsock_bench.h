/*
 * A vsock device on a loop of this thread, with a fake guest connected to it: what tests of the
 * device start from. The owner of the device accepts connections to one port and keeps the sockets.
 */
#ifndef TESTS_VSOCK_BENCH_H
#define TESTS_VSOCK_BENCH_H

#include "fake_vsock.h"
#include "vhost/vsock_dev.h"

#define BENCH_PORT 2222u      /* the host accepts */
#define BENCH_HOLD_PORT 2223u /* the host holds */
#define BENCH_ECHO_PORT 7u    /* the guest echoes */

struct vsock_bench {
    struct evloop *loop;
    struct vsock_dev *dev; /* NULL after on_gone */
    struct fake_guest *g;
    struct fake_vsock guest;
    unsigned n_up, n_resumed, n_down, n_gone;
    const char *broken;
    int accepted[4096]; /* the host's ends of accepted streams */
    unsigned n_accepted;
    struct vsock_stream *held; /* the last one; it may be gone */
    uint32_t held_number;
    unsigned n_done;
    int done_error;
};

/* features: those that the guest would accept. */
void vsock_bench_open(struct vsock_bench *b, uint64_t features, unsigned n_streams_max);
void vsock_bench_close(struct vsock_bench *b);
/* One round of the device's loop, without waiting. */
void vsock_bench_step(struct vsock_bench *b);
/* Lets the device and the guest work until both are idle. */
void vsock_bench_settle(struct vsock_bench *b);
/* Connects to a port of the guest; returns the host's end. The outcome is counted in n_done. */
int vsock_bench_connect(struct vsock_bench *b, uint32_t port, struct sv preface, void *client,
                        bool dies_with_client);
/* The same in chunks. */
int vsock_bench_forward(struct vsock_bench *b, uint32_t port, struct sv preface);

#endif
