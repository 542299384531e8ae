/*
 * The guest's part of stream_bench and forward_bench: serves their commands on vsock, or on so many
 * TCP ports of every address. Static, without our libraries.
 *
 *     stream_peer [FIRST_PORT [COUNT]]
 */
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream_proto.h"

#define BUFFER_SIZE 65536

static bool read_whole(int fd, void *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, (char *)out + done, n - done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_whole(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, (const char *)bytes + done, n - done);

        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static void send_bytes(int fd, char *buffer, uint64_t n)
{
    while (n > 0) {
        size_t part = n < BUFFER_SIZE ? (size_t)n : BUFFER_SIZE;

        if (!write_whole(fd, buffer, part))
            return;
        n -= part;
    }
}

static void take_bytes(int fd, char *buffer)
{
    uint64_t total = 0;
    ssize_t n;

    while ((n = read(fd, buffer, BUFFER_SIZE)) > 0)
        total += (uint64_t)n;
    (void)write_whole(fd, &total, sizeof(total));
}

static void echo(int fd, char *buffer)
{
    ssize_t n;

    while ((n = read(fd, buffer, BUFFER_SIZE)) > 0)
        if (!write_whole(fd, buffer, (size_t)n))
            return;
}

static bool exchange_byte(void)
{
    const struct sockaddr_vm host = { .svm_family = AF_VSOCK,
                                      .svm_cid = VMADDR_CID_HOST,
                                      .svm_port = STREAM_HOST_PORT };
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte = 'x';
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&host, sizeof(host)) == 0 &&
              write_whole(fd, &byte, 1) && read_whole(fd, &byte, 1);

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static void connect_often(int fd, uint64_t n)
{
    uint64_t n_ok = 0;

    while (n-- > 0)
        n_ok += exchange_byte();
    (void)write_whole(fd, &n_ok, sizeof(n_ok));
}

static void serve(int fd, char *buffer)
{
    struct stream_request request;

    if (!read_whole(fd, &request, sizeof(request)))
        return;
    switch (request.command) {
    case STREAM_SEND:
        send_bytes(fd, buffer, request.number);
        break;
    case STREAM_TAKE:
        take_bytes(fd, buffer);
        break;
    case STREAM_ECHO:
        echo(fd, buffer);
        break;
    case STREAM_CONNECT:
        connect_often(fd, request.number);
        break;
    default:
        break;
    }
}

/* Each thread accepts and serves one connection after the other, and the last one that waits for
 * one hires another before it serves: what is measured is neither how long an emulated processor
 * takes to make a thread, nor how long to wake one. */
struct listener {
    int fd;
    atomic_uint n_waiting; /* threads */
};

static bool hire(struct listener *l);

static _Noreturn void *work(void *arg)
{
    struct listener *l = arg;
    char buffer[BUFFER_SIZE];

    for (;;) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            continue;
        if (atomic_fetch_sub(&l->n_waiting, 1) == 1)
            (void)hire(l); /* or others wait */
        serve(fd, buffer);
        (void)close(fd);
        atomic_fetch_add(&l->n_waiting, 1);
    }
}

static bool hire(struct listener *l)
{
    pthread_attr_t detached;
    pthread_t thread;

    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&detached, 2 * BUFFER_SIZE);
    atomic_fetch_add(&l->n_waiting, 1);
    if (pthread_create(&thread, &detached, work, l) == 0)
        return true;
    atomic_fetch_sub(&l->n_waiting, 1);
    return false;
}

static int listen_on(int family, const void *address, socklen_t len)
{
    const int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address, len) == 0 && listen(fd, 4096) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static int listen_on_vsock(void)
{
    const struct sockaddr_vm any = { .svm_family = AF_VSOCK,
                                     .svm_cid = VMADDR_CID_ANY,
                                     .svm_port = STREAM_PEER_PORT };

    return listen_on(AF_VSOCK, &any, sizeof(any));
}

static int listen_on_tcp(unsigned long port)
{
    const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    return listen_on(AF_INET, &any, sizeof(any));
}

int main(int argc, char **argv)
{
    unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    struct listener *listeners = calloc(n, sizeof(*listeners));

    (void)signal(SIGPIPE, SIG_IGN);
    if (!listeners)
        return 1;
    for (unsigned long i = 0; i < n; i++) {
        listeners[i].fd = port ? listen_on_tcp(port + i) : listen_on_vsock();
        if (listeners[i].fd < 0 || !hire(&listeners[i])) {
            perror("stream_peer: cannot listen");
            return 1;
        }
    }
    for (;;)
        (void)pause();
}
