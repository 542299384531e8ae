/*
 * Measures one TCP port that leads to stream_peer in a guest, whichever way it goes there:
 *
 *     forward_bench PORT send|take STREAMS MIB      seconds for MIB from, to the guest
 *     forward_bench PORT connect AT_ONCE TIMES      seconds; each connection exchanges a byte
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream_client.h"

static uint16_t port;

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
    int fd = dial();

    if (!stream_ask(fd, command, number))
        fail("cannot send");
    return fd;
}

static void move(enum stream_command command, unsigned n, uint64_t bytes)
{
    int fds[STREAM_CLIENT_MAX];

    for (unsigned i = 0; i < n; i++)
        fds[i] = start(command, bytes / n);
    if (!stream_move(fds, n, command, bytes / n))
        fail("not all came");
}

static void *connect_in_turn(void *arg)
{
    for (uint64_t i = 0; i < *(const uint64_t *)arg; i++) {
        int fd = start(STREAM_ECHO, 0);

        if (!stream_exchange(fd))
            fail("cannot exchange a byte");
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
    double begin = stream_now();

    port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    if (strcmp(what, "send") == 0 && n > 0 && n <= STREAM_CLIENT_MAX)
        move(STREAM_SEND, (unsigned)n, more << 20);
    else if (strcmp(what, "take") == 0 && n > 0 && n <= STREAM_CLIENT_MAX)
        move(STREAM_TAKE, (unsigned)n, more << 20);
    else if (strcmp(what, "connect") == 0 && n > 0)
        connect_often(n, more);
    else {
        fprintf(stderr,
                "usage: forward_bench PORT send|take STREAMS MIB | connect AT_ONCE TIMES\n");
        return 2;
    }
    printf("%.4f\n", stream_now() - begin);
    return 0;
}
