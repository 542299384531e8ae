/*
 * What the tests of forwards share: a loop with a pool, driven until something holds, and sockets
 * of this machine as targets.
 */
#ifndef TESTS_GUESTAGENT_RELAY_BENCH_H
#define TESTS_GUESTAGENT_RELAY_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../unit_test.h"
#include "base/mem.h"
#include "base/sb.h"
#include "prog/guestagent/relay.h"

struct relay_bench {
    struct evloop *loop;
    struct relay_pool pool;
};

/* Drives the loop until the condition holds; fails when it never does. */
#define until(b, condition)                                   \
    do {                                                      \
        unsigned n_rounds_ = 0;                               \
        while (!(condition)) {                                \
            assert_true(evloop_step((b)->loop, 5, NULL));     \
            if (++n_rounds_ > 4000)                           \
                fail_msg("%s never comes about", #condition); \
        }                                                     \
    } while (0)

static inline void bench_open(struct relay_bench *b)
{
    b->loop = evloop_new(NULL);
    assert_non_null(b->loop);
    relay_pool_init(&b->pool, b->loop);
}

static inline void bench_close(struct relay_bench *b)
{
    relay_pool_done(&b->pool);
    evloop_free(b->loop);
}

/* A bound socket on 127.0.0.1 or ::1; streams listen. */
static inline int bench_socket(int family, int type, uint16_t *out_port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
    struct sockaddr *addr = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, addr, len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, addr, &len), 0);
    *out_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

static inline bool bench_accept(int listen_fd, int *out_fd)
{
    *out_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return *out_fd >= 0;
}

/* Reads what there is; true at the end, whose errno (0 = end of file) is stored. */
static inline bool bench_drain(int fd, struct sb *in, int *out_error)
{
    char bytes[65536];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        sb_put_mem(in, bytes, (size_t)n);
    if (n < 0 && errno == EAGAIN)
        return false;
    *out_error = n < 0 ? errno : 0;
    return true;
}

/* Sends as much as goes; true when all n bytes of a pattern are out. */
static inline bool bench_feed(int fd, size_t *at, size_t n)
{
    char bytes[65536];

    while (*at < n) {
        size_t want = n - *at < sizeof(bytes) ? n - *at : sizeof(bytes);
        ssize_t sent;

        for (size_t i = 0; i < want; i++)
            bytes[i] = (char)((*at + i) * 7 + (*at + i) / 251);
        sent = send(fd, bytes, want, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return false;
        assert_true(sent > 0);
        *at += (size_t)sent;
    }
    return true;
}

static inline bool bench_is_pattern(const struct sb *in, size_t n)
{
    if (in->n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (in->p[i] != (char)(i * 7 + i / 251))
            return false;
    return true;
}

#endif
