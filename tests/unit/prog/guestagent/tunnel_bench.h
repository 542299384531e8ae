/* A tunnel with its pool, and streams of a host: what the tests of tunnels share. */
#ifndef TESTS_GUESTAGENT_TUNNEL_BENCH_H
#define TESTS_GUESTAGENT_TUNNEL_BENCH_H

#include "prog/guestagent/tunnel.h"
#include "relay_bench.h"

enum { LARGE = 3 * 1000 * 1000 + 7 };

struct bench {
    struct relay_bench base;
    struct tunnel *tunnel;
};

static const struct tunnel_events tunnel_bench_events = { NULL };

static inline int set_up(void **state)
{
    struct bench *b = mem_new(struct bench);

    bench_open(&b->base);
    b->tunnel = tunnel_new(&b->base.pool, &tunnel_bench_events, NULL);
    *state = b;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *b = *state;

    tunnel_free(b->tunnel);
    bench_close(&b->base);
    free(b);
    return 0;
}

static inline void put_preface(struct sb *out, enum tunnel_kind kind, int family, uint16_t port,
                               unsigned flags)
{
    static const char v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };

    tunnel_preface_put(out, &(struct tunnel_preface){ .kind = kind,
                                                      .flags = (uint8_t)flags,
                                                      .port = port,
                                                      .address = family == AF_INET
                                                                     ? (struct sv){ v4, 4 }
                                                                     : (struct sv){ v6, 16 } });
}

/* A stream of the host that has sent its preface and first bytes. */
static inline int host_stream(struct bench *b, const struct sb *first)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(send(fds[0], sb_str(first), first->n, MSG_NOSIGNAL), first->n);
    tunnel_take(b->tunnel, fds[1]);
    return fds[0];
}

#endif
