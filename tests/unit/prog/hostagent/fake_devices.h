/*
 * The other side of forwards, played by the test on its own loop: a `devices` process
 * (wire/devctl.h) and the guest agent behind it. What the host agent hands over is kept for the
 * test to look at.
 */
#ifndef TESTS_FAKE_DEVICES_H
#define TESTS_FAKE_DEVICES_H

#include <errno.h>

#include "base/mem.h"
#include "base/vec.h"
#include "loop_test.h"
#include "model/forward/ip_address.h"
#include "svc/loop/stream.h"
#include "svc/loop/watch.h"
#include "sys/sock.h"
#include "wire/devctl.h"
#include "wire/guest.h"
#include "wire/tunnel.h"

struct fake_pump {
    int fd;
    uint32_t tag;
    enum tunnel_kind kind;
    uint8_t flags;
    uint16_t port;
    char *target; /* address bytes or path */
    size_t target_len;
};

struct fake_export {
    char *name;
    uint32_t flags, uid;
    bool is_open; /* a descriptor came with it; closed at once */
};

struct fake_devices {
    int listen_fd;
    struct watch *client; /* the host agent's control connection */
    struct stream *agent; /* the guest agent's end of its link */
    struct guest_reader reader;
    VEC(struct fake_pump) pumps;
    VEC(int) streams;       /* our ends of CONNECT, blocking */
    VEC(int) accepted;      /* sockets given for held connections */
    VEC(uint32_t) rejected; /* held connections that were not wanted */
    VEC(uint32_t) listens;  /* vsock ports */
    VEC(struct fake_export) exports;
    int export_error;           /* what EXPORT is answered */
    unsigned n_detached;        /* of them, while they were in use */
    VEC(struct guest_msg) said; /* what the guest agent was told; only numbers are kept */
    char *said_path;
    struct devctl_counters counters; /* of every tag */
    uint32_t agent_flags;            /* of its HELLO */
};

static inline void fake_send(struct fake_devices *d, const struct devctl_msg *msg, int fd)
{
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n = devctl_encode(msg, packet);

    assert_true(sock_send_fds(watch_fd(d->client), packet, n, &fd, fd >= 0 ? 1 : 0, NULL));
}

static inline void fake_result(struct fake_devices *d, uint32_t id, int error)
{
    fake_send(d, &(struct devctl_msg){ .type = DEVCTL_RESULT, .id = id, .error = (uint32_t)error },
              -1);
}

static inline void fake_pumped(struct fake_devices *d, const struct devctl_msg *msg, int fd)
{
    struct fake_pump *pump = vec_push(&d->pumps);
    struct tunnel_preface preface;
    struct sv bytes = msg->data, target;

    assert_int_equal(msg->port, TUNNEL_PORT);
    assert_int_equal(tunnel_preface_take(&bytes, &preface, NULL), TUNNEL_TAKEN);
    target = preface.kind == TUNNEL_UNIX ? preface.path : preface.address;
    assert_int_equal(preface.flags & TUNNEL_CHUNKED,
                     msg->type == DEVCTL_FORWARD ? TUNNEL_CHUNKED : 0);
    *pump = (struct fake_pump){ fd,           msg->tag,       preface.kind, preface.flags,
                                preface.port, sv_dup(target), target.n };
    fake_result(d, msg->id, 0);
}

/* A stream to the guest; the test has the guest's end. */
static inline void fake_connected(struct fake_devices *d, const struct devctl_msg *msg)
{
    int fds[2];

    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    *vec_push(&d->streams) = fds[1];
    fake_send(d, &(struct devctl_msg){ .type = DEVCTL_STREAM, .id = msg->id }, fds[0]);
    (void)close(fds[0]);
}

static inline void fake_exported(struct fake_devices *d, const struct devctl_msg *msg, int fd)
{
    if (!d->export_error)
        *vec_push(&d->exports) =
            (struct fake_export){ sv_dup(msg->data), msg->flags, msg->uid, fd >= 0 };
    if (fd >= 0)
        (void)close(fd);
    fake_result(d, msg->id, d->export_error);
}

static inline void fake_unexported(struct fake_devices *d, const struct devctl_msg *msg)
{
    for (size_t i = 0; i < d->exports.n; i++)
        if (sv_eq_str(msg->data, d->exports.v[i].name)) {
            free(d->exports.v[i].name);
            vec_remove(&d->exports, i);
            fake_result(d, msg->id, 0);
            return;
        }
    fail_msg("there is no such export");
}

static inline void fake_unlistened(struct fake_devices *d, uint32_t port)
{
    for (size_t i = 0; i < d->listens.n; i++)
        if (d->listens.v[i] == port) {
            vec_remove(&d->listens, i);
            return;
        }
    fail_msg("nobody listened on %u", port);
}

static inline void fake_packet(struct fake_devices *d, struct sv packet, int fd)
{
    struct devctl_msg msg;

    assert_true(devctl_decode(&msg, packet, NULL));
    switch (msg.type) {
    case DEVCTL_HELLO:
        fake_send(d,
                  &(struct devctl_msg){ .type = DEVCTL_HELLO,
                                        .id = msg.id,
                                        .version = DEVCTL_VERSION,
                                        .flags = DEVCTL_CAN_FORWARD | DEVCTL_CAN_DETACH,
                                        .data = SV("fake") },
                  -1);
        fake_send(d, &(struct devctl_msg){ .type = DEVCTL_GUEST, .flags = DEVCTL_GUEST_UP }, -1);
        return;
    case DEVCTL_LISTEN:
        *vec_push(&d->listens) = msg.port;
        break;
    case DEVCTL_UNLISTEN:
        fake_unlistened(d, msg.port);
        break;
    case DEVCTL_CONNECT:
        fake_connected(d, &msg);
        return;
    case DEVCTL_PUMP:
    case DEVCTL_FORWARD:
        fake_pumped(d, &msg, fd);
        return;
    case DEVCTL_ACCEPT:
        *vec_push(&d->accepted) = fd;
        break;
    case DEVCTL_EXPORT:
        fake_exported(d, &msg, fd);
        return;
    case DEVCTL_UNEXPORT:
        fake_unexported(d, &msg);
        return;
    case DEVCTL_DETACH:
        fake_unexported(d, &msg);
        d->n_detached++;
        return;
    case DEVCTL_REJECT:
        *vec_push(&d->rejected) = msg.stream;
        break;
    case DEVCTL_STATS:
        fake_send(
            d,
            &(struct devctl_msg){ .type = DEVCTL_COUNTERS, .id = msg.id, .counters = d->counters },
            -1);
        return;
    default:
        fail_msg("unexpected message %d", msg.type);
    }
    fake_result(d, msg.id, 0);
}

static inline void fake_readable(void *arg)
{
    struct fake_devices *d = arg;
    char packet[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n, n_fds;
    int fd = -1;

    if (!sock_recv_fds(watch_fd(d->client), packet, sizeof(packet), &n, &fd, 1, &n_fds, NULL))
        return;
    if (n == 0)
        watch_close(MOVE(d->client)); /* the host agent has left */
    else
        fake_packet(d, (struct sv){ packet, n }, n_fds ? fd : -1);
}

static inline void fake_open(struct fake_devices *d, const char *path)
{
    *d = (struct fake_devices){ 0 };
    assert_true(sock_unix_listen(path, SOCK_SEQPACKET, &d->listen_fd, NULL));
}

/* After the host agent has connected. */
static inline void fake_accept(struct fake_devices *d)
{
    int fd;

    assert_true(sock_accept(d->listen_fd, &fd, NULL));
    d->client = watch_open(&test_loop, fd, fake_readable, d, NULL);
    assert_non_null(d->client);
}

/* --- The guest agent --- */

static inline void fake_agent_data(void *arg, struct sv bytes)
{
    struct fake_devices *d = arg;
    struct guest_msg msg;

    guest_reader_feed(&d->reader, bytes.p, bytes.n);
    while (guest_reader_next(&d->reader, &msg, NULL) == GUEST_READ_MESSAGE) {
        if (msg.path.n)
            mem_replace(&d->said_path, sv_dup(msg.path));
        *vec_push(&d->said) = msg;
    }
}

static inline void fake_agent_ended(void *arg, const struct err *err)
{
}

static inline void fake_agent_say(struct fake_devices *d, const struct guest_msg *msg)
{
    auto_sb struct sb frame = { 0 };

    guest_encode(&frame, msg);
    stream_send(d->agent, sb_view(&frame));
}

/* The agent connects; the one before, if any, is gone. */
static inline void fake_agent_connect(struct fake_devices *d)
{
    static const struct stream_events events = { .on_data = fake_agent_data,
                                                 .on_end = fake_agent_ended };
    int fds[2];

    stream_close(d->agent);
    guest_reader_done(&d->reader);
    d->reader = (struct guest_reader){ 0 };
    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    fake_send(
        d,
        &(struct devctl_msg){ .type = DEVCTL_ACCEPTED, .port = GUEST_VSOCK_PORT, .peer_port = 1 },
        fds[0]);
    (void)close(fds[0]);
    d->agent = stream_open(&test_loop, fds[1], &events, d, NULL);
    assert_non_null(d->agent);
    fake_agent_say(d, &(struct guest_msg){ .type = GUEST_HELLO,
                                           .version = GUEST_VERSION,
                                           .flags = d->agent_flags,
                                           .program = SV("fake") });
}

/* What the agent was told last of a type; NULL = nothing. */
static inline const struct guest_msg *fake_agent_heard(const struct fake_devices *d,
                                                       enum guest_type type)
{
    for (size_t i = d->said.n; i-- > 0;)
        if (d->said.v[i].type == type)
            return &d->said.v[i];
    return NULL;
}

static inline void fake_agent_forget(struct fake_devices *d)
{
    d->said.n = 0;
}

/* text: an address; "-" in front: the port is gone. */
static inline void fake_agent_port(struct fake_devices *d, enum guest_proto proto, const char *text,
                                   uint16_t port, uint32_t flags)
{
    auto_sb struct sb entries = { 0 };
    struct guest_port entry = { .is_removed = text[0] == '-', .proto = proto, .port = port };
    struct ip_address ip;

    assert_true(ip_address_parse(text + entry.is_removed, &ip));
    entry.n_address = ip.n;
    memcpy(entry.address, ip.bytes, ip.n);
    guest_port_put(&entries, &entry);
    fake_agent_say(
        d, &(struct guest_msg){ .type = GUEST_PORTS, .flags = flags, .data = sb_view(&entries) });
}

static inline void fake_close(struct fake_devices *d)
{
    for (size_t i = 0; i < d->pumps.n; i++) {
        if (d->pumps.v[i].fd >= 0)
            (void)close(d->pumps.v[i].fd);
        free(d->pumps.v[i].target);
    }
    for (size_t i = 0; i < d->streams.n; i++)
        (void)close(d->streams.v[i]);
    for (size_t i = 0; i < d->accepted.n; i++)
        (void)close(d->accepted.v[i]);
    for (size_t i = 0; i < d->exports.n; i++)
        free(d->exports.v[i].name);
    vec_done(&d->exports);
    vec_done(&d->pumps);
    vec_done(&d->streams);
    vec_done(&d->accepted);
    vec_done(&d->rejected);
    vec_done(&d->listens);
    vec_done(&d->said);
    free(d->said_path);
    stream_close(d->agent);
    guest_reader_done(&d->reader);
    watch_close(d->client);
    if (d->listen_fd >= 0)
        (void)close(d->listen_fd);
}

#endif
