/*
 * Measures streams between host and guest: stream_bench DIR/devices.sock [MIB [CONNECTIONS]].
 * stream_peer must run in the guest. Prints a table; judges nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "stream_client.h"
#include "sys/sock.h"
#include "wire/devctl.h"

#define STREAMS_MAX 8

struct bench {
    int control;
    uint32_t next_id;
};

static bool set_blocking(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0;
}

static bool request(struct bench *b, struct devctl_msg msg, struct err **errp)
{
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];

    msg.id = ++b->next_id;
    return sock_send_fds(b->control, packet, devctl_encode(&msg, packet), NULL, 0, errp);
}

/* Waits for a message of a type, and its descriptor; others are skipped. */
static bool await(struct bench *b, enum devctl_type type, struct devctl_msg *out, int *out_fd,
                  struct err **errp)
{
    for (;;) {
        char packet[DEVCTL_MESSAGE_SIZE_MAX];
        size_t n, n_fds = 0;
        int fd = -1;

        if (!sock_recv_fds(b->control, packet, sizeof(packet), &n, &fd, 1, &n_fds, errp))
            return false;
        if (n == 0)
            return err_set(errp, ERR_CANCELED, "the devices process has ended");
        if (!devctl_decode(out, (struct sv){ packet, n }, errp))
            return false;
        out->data = SV("");
        if (out->type == type) {
            if (out_fd)
                *out_fd = fd;
            return fd < 0 || set_blocking(fd);
        }
        if (n_fds > 0)
            (void)close(fd);
        if (out->type == DEVCTL_RESULT && out->error)
            return err_set_os(errp, (int)out->error, "is stream_peer running in the guest?");
    }
}

/* A stream to the guest with a command on its way. */
static bool start(struct bench *b, enum stream_command command, uint64_t number, int *out_fd,
                  struct err **errp)
{
    struct devctl_msg msg;

    if (!request(b, (struct devctl_msg){ .type = DEVCTL_CONNECT, .port = STREAM_PEER_PORT },
                 errp) ||
        !await(b, DEVCTL_STREAM, &msg, out_fd, errp))
        return false;
    if (!stream_ask(*out_fd, command, number))
        return err_set(errp, ERR_PROTOCOL, "the stream ended early");
    return true;
}

/* Moves bytes over n streams at once, one way; the bytes of each are given. */
static bool move(struct bench *b, enum stream_command command, unsigned n, uint64_t bytes,
                 double *out_s, struct err **errp)
{
    int fds[STREAMS_MAX];
    double begin = stream_now();

    for (unsigned i = 0; i < n; i++)
        if (!start(b, command, bytes, &fds[i], errp))
            return false;
    if (!stream_move(fds, n, command, bytes))
        return err_set(errp, ERR_PROTOCOL, "not all came");
    *out_s = stream_now() - begin;
    return true;
}

static bool measure_bytes(struct bench *b, unsigned n, uint64_t mib, struct err **errp)
{
    uint64_t each = (mib << 20) / n;
    double to_guest, from_guest;

    if (!move(b, STREAM_SEND, n, each, &from_guest, errp) ||
        !move(b, STREAM_TAKE, n, each, &to_guest, errp))
        return false;
    printf("%u stream%s  guest to host %7.1f MiB/s   host to guest %7.1f MiB/s\n", n,
           n == 1 ? " " : "s", (double)mib / from_guest, (double)mib / to_guest);
    return true;
}

static bool exchange(int fd, struct err **errp)
{
    return stream_exchange(fd) || err_set(errp, ERR_PROTOCOL, "the stream ended early");
}

static bool measure_connections(struct bench *b, uint64_t n, struct err **errp)
{
    double begin = stream_now(), out_s, in_s, trip_s;
    struct devctl_msg msg;
    int fd, asked;

    for (uint64_t i = 0; i < n; i++) {
        if (!start(b, STREAM_ECHO, 0, &fd, errp) || !exchange(fd, errp))
            return false;
        (void)close(fd);
    }
    out_s = stream_now() - begin;

    if (!request(b, (struct devctl_msg){ .type = DEVCTL_LISTEN, .port = STREAM_HOST_PORT }, errp) ||
        !start(b, STREAM_CONNECT, n, &asked, errp))
        return false;
    begin = stream_now();
    for (uint64_t i = 0; i < n; i++) {
        if (!await(b, DEVCTL_ACCEPTED, &msg, &fd, errp) || !exchange(fd, errp))
            return false;
        (void)close(fd);
    }
    in_s = stream_now() - begin;
    (void)close(asked);

    if (!start(b, STREAM_ECHO, 0, &fd, errp))
        return false;
    begin = stream_now();
    for (uint64_t i = 0; i < n; i++)
        if (!exchange(fd, errp))
            return false;
    trip_s = stream_now() - begin;
    (void)close(fd);
    printf("connections  guest to host %7.0f /s   host to guest %7.0f /s   round trip %.3f ms\n",
           (double)n / in_s, (double)n / out_s, trip_s * 1000 / (double)n);
    return true;
}

static bool run(struct bench *b, const char *path, uint64_t mib, uint64_t n_connections,
                struct err **errp)
{
    struct devctl_msg msg;

    if (!sock_unix_connect(path, SOCK_SEQPACKET, &b->control, errp) ||
        !request(b, (struct devctl_msg){ .type = DEVCTL_HELLO, .version = DEVCTL_VERSION }, errp) ||
        !await(b, DEVCTL_GUEST, &msg, NULL, errp))
        return false;
    return measure_bytes(b, 1, mib, errp) && measure_bytes(b, STREAMS_MAX, mib, errp) &&
           measure_connections(b, n_connections, errp);
}

int main(int argc, char **argv)
{
    auto_err struct err *err = NULL;
    struct bench b = { .control = -1 };
    uint64_t mib = 128, n_connections = 500;

    if (argc < 2 || argc > 4 || (argc > 2 && !parse_u64(sv_of(argv[2]), &mib)) ||
        (argc > 3 && !parse_u64(sv_of(argv[3]), &n_connections))) {
        fprintf(stderr, "usage: stream_bench DIR/devices.sock [MIB [CONNECTIONS]]\n");
        return 2;
    }
    if (!run(&b, argv[1], mib, n_connections, &err)) {
        fprintf(stderr, "stream_bench: %s\n", err_text(err));
        return 1;
    }
    return 0;
}
