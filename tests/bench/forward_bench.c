/*
 * Measures one TCP port that leads to stream_peer in a guest, whichever way it goes there:
 *
 *     forward_bench PORT send|take STREAMS MIB    seconds for MIB from, to the guest over that many
 * streams forward_bench PORT connect TIMES            seconds; each connection exchanges a byte
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stream_proto.h"

#define BUFFER_SIZE (256u << 10)

static char buffer[BUFFER_SIZE];
static uint16_t port;

static double now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "forward_bench: %s: %s\n", what, errno ? strerror(errno) : "it ended early");
    exit(1);
}

static int dial(void)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        fail("cannot connect");
    return fd;
}

static int start(enum stream_command command, uint64_t number)
{
    const struct stream_request r = { command, number };
    int fd = dial();

    if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
        fail("cannot send");
    return fd;
}

static void exchange(int fd)
{
    char byte = 'x';

    errno = 0;
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
        fail("cannot exchange a byte");
}

/* The streams end when the other side has said everything: for those that send, how much came. */
static void move(enum stream_command command, unsigned n, uint64_t bytes)
{
    struct pollfd *fds = calloc(n, sizeof(*fds));
    uint64_t *left = calloc(n, sizeof(*left)), total = 0;
    unsigned n_open = n;

    for (unsigned i = 0; i < n; i++) {
        left[i] = bytes / n;
        fds[i] = (struct pollfd){ .fd = start(command, left[i]),
                                  .events = command == STREAM_TAKE ? POLLOUT : POLLIN };
    }
    while (n_open > 0) {
        if (poll(fds, n, -1) < 0)
            continue;
        for (unsigned i = 0; i < n; i++) {
            size_t part = left[i] < BUFFER_SIZE ? (size_t)left[i] : BUFFER_SIZE;
            ssize_t done;

            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            if (fds[i].events == POLLOUT) {
                done = send(fds[i].fd, buffer, part, MSG_DONTWAIT | MSG_NOSIGNAL);
                left[i] -= done > 0 ? (uint64_t)done : 0;
                if (left[i] == 0) {
                    (void)shutdown(fds[i].fd, SHUT_WR);
                    fds[i].events = POLLIN;
                }
            } else if ((done = recv(fds[i].fd, buffer, BUFFER_SIZE, 0)) > 0) {
                total += (uint64_t)done;
            } else {
                (void)close(fds[i].fd);
                fds[i].fd = -1;
                n_open--;
            }
        }
    }
    errno = 0;
    if (total != (command == STREAM_TAKE ? n * sizeof(uint64_t) : bytes / n * n))
        fail("not all came");
    free(fds);
    free(left);
}

static void *connect_in_turn(void *arg)
{
    for (uint64_t i = 0; i < *(const uint64_t *)arg; i++) {
        int fd = start(STREAM_ECHO, 0);

        exchange(fd);
        (void)close(fd);
    }
    return NULL;
}

static void connect_often(uint64_t at_once, uint64_t times)
{
    pthread_t *threads = calloc(at_once, sizeof(*threads));
    uint64_t each = times / at_once;

    for (uint64_t i = 0; i < at_once; i++)
        if (pthread_create(&threads[i], NULL, connect_in_turn, &each) != 0)
            fail("cannot create a thread");
    for (uint64_t i = 0; i < at_once; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[2] : "";
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    uint64_t more = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    double begin = now();

    port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    if (strcmp(what, "send") == 0 && n > 0)
        move(STREAM_SEND, (unsigned)n, more << 20);
    else if (strcmp(what, "take") == 0 && n > 0)
        move(STREAM_TAKE, (unsigned)n, more << 20);
    else if (strcmp(what, "connect") == 0 && n > 0)
        connect_often(n, more);
    else {
        fprintf(stderr,
                "usage: forward_bench PORT send|take STREAMS MIB | connect AT_ONCE TIMES\n");
        return 2;
    }
    printf("%.4f\n", now() - begin);
    return 0;
}
