/*
 * Theory of operation. The socket keeps packet boundaries, so there is no input buffer: each read
 * yields one message. Requests wait for their answers in a list, by id; the id of an answer finds its
 * request. What the socket does not take waits in a queue. When the connection ends the poll handle
 * stops at once, all requests fail, and the owner is told; the memory lives until the handle's close
 * callback.
 */
#include "svc/devices/devices_client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/vec.h"
#include "sys/sock.h"

struct request {
    struct list link;
    uint32_t id, port;
    enum devctl_type type;
    union { /* by type; may be NULL */
        devices_connected_fn connected;
        devices_done_fn done;
        devices_counters_fn counters;
    } on;
    void *arg; /* borrowed */
};

struct listen {
    uint32_t port;
    devices_accepted_fn on_accepted; /* or */
    devices_held_fn on_held;
    void *arg; /* borrowed */
};

struct packet {
    uint8_t *bytes;
    size_t n;
    int fd; /* -1 = none */
};

struct devices_client {
    uv_poll_t poll;
    int fd;
    const struct devices_client_events *events; /* borrowed */
    void *owner;                                /* borrowed */
    bool is_up, is_over, is_closing, can_forward, can_detach;
    uint32_t next_id;
    enum devctl_sandbox sandbox;
    char *version;
    struct list requests;
    VEC(struct listen) listens;
    VEC(struct packet) queue;
};

static void client_fail(struct devices_client *c, const struct err *err);

/* Requests. */

static void request_fail(const struct request *r, const struct err *err)
{
    switch (r->type) {
    case DEVCTL_CONNECT:
        r->on.connected(r->arg, -1, err);
        break;
    case DEVCTL_STATS:
        r->on.counters(r->arg, NULL, err);
        break;
    default:
        if (r->on.done)
            r->on.done(r->arg, err);
    }
}

static void fail_requests(struct devices_client *c, const struct err *err)
{
    while (!list_is_empty(&c->requests)) {
        struct request *r = CONTAINER_OF(c->requests.next, struct request, link);

        list_remove(&r->link);
        request_fail(r, err);
        free(r);
    }
}

static struct request *request_take(struct devices_client *c, uint32_t id)
{
    list_for_each(r, &c->requests, struct request, link) {
        if (r->id == id) {
            list_remove(&r->link);
            return r;
        }
    }
    return NULL;
}

/* What an errno in an answer means to a user. */
static struct err *answer_error(const struct request *r, uint32_t error)
{
    struct err *err = NULL;

    switch (error) {
    case ECONNREFUSED:
        (void)err_set(&err, ERR_NOT_FOUND, "nobody in the guest listens on vsock port %u", r->port);
        break;
    case ETIMEDOUT:
        (void)err_set(&err, ERR_TIMEOUT, "the guest does not answer on vsock port %u", r->port);
        break;
    case ENETDOWN:
    case ENETRESET:
        (void)err_set(&err, ERR_BUSY, "the guest's vsock driver is not running");
        break;
    case ENOENT:
        (void)err_set(&err, ERR_NOT_FOUND, "%s",
                      r->type == DEVCTL_UNEXPORT || r->type == DEVCTL_DETACH
                          ? "there is no such export"
                          : "the guest has given up the connection");
        break;
    case EEXIST:
        (void)err_set(&err, ERR_EXISTS, "there is an export of this name");
        break;
    case ENODEV:
    case ENOSYS:
        (void)err_set(&err, ERR_UNSUPPORTED, "the machine has no file system device");
        (void)err_hint(&err, "stop and start the instance, with a QEMU that has vhost-user-fs-pci");
        break;
    default:
        (void)err_set_os(&err, (int)error, "the devices process refused %s",
                         devctl_type_info(r->type)->name);
    }
    return err;
}

/* The socket. */

/* 0, or an errno. */
static int send_packet(struct devices_client *c, const void *bytes, size_t n, int fd)
{
    auto_err struct err *err = NULL;

    if (sock_send_fds(c->fd, bytes, n, &fd, fd >= 0 ? 1 : 0, &err))
        return 0;
    return err_errno(err) ? err_errno(err) : EIO;
}

static void socket_ready(uv_poll_t *poll, int status, int events);

static void watch(struct devices_client *c)
{
    int events = UV_READABLE | (c->queue.n > 0 ? UV_WRITABLE : 0);
    int rc = uv_poll_start(&c->poll, events, socket_ready);

    assert(rc == 0); /* the descriptor was accepted by uv_poll_init() */
}

static void packet_done(struct packet *p)
{
    free(p->bytes);
    if (p->fd >= 0)
        (void)close(p->fd);
}

static void flush_queue(struct devices_client *c)
{
    while (c->queue.n > 0) {
        struct packet *p = &c->queue.v[0];
        int error = send_packet(c, p->bytes, p->n, p->fd);

        if (error == EAGAIN || error == ETOOMANYREFS)
            return;
        /* Other errors show when reading. */
        packet_done(p);
        vec_remove(&c->queue, 0);
    }
    watch(c);
}

static void send_message(struct devices_client *c, const struct devctl_msg *msg, int take_fd)
{
    auto_fd int fd = take_fd;
    uint8_t bytes[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n = devctl_encode(msg, bytes);
    int error = c->queue.n > 0 ? EAGAIN : send_packet(c, bytes, n, fd);

    if (error != EAGAIN && error != ETOOMANYREFS)
        return;
    *vec_push(&c->queue) = (struct packet){ mem_dup(bytes, n), n, MOVE_FD(fd) };
    watch(c);
}

/* Sends a request whose callback is in r. */
static void request_send(struct devices_client *c, struct devctl_msg *msg, struct request r,
                         int take_fd)
{
    struct request *pending;

    if (c->is_over) {
        auto_err struct err *err = NULL;

        if (take_fd >= 0)
            (void)close(take_fd);
        (void)err_set(&err, ERR_CANCELED, "the devices process is gone");
        r.type = msg->type;
        request_fail(&r, err);
        return;
    }
    if (++c->next_id == 0)
        c->next_id = 1;
    r.id = msg->id = c->next_id;
    r.type = msg->type;
    r.port = msg->port;
    pending = mem_dup(&r, sizeof(r));
    list_push_back(&c->requests, &pending->link);
    send_message(c, msg, take_fd);
}

/* Messages. */

static void handle_hello(struct devices_client *c, const struct devctl_msg *msg)
{
    auto_err struct err *err = NULL;
    uint32_t sandbox;

    if (msg->version != DEVCTL_VERSION) {
        (void)err_set(&err, ERR_PROTOCOL, "the devices process speaks version %u of the control "
                      "protocol, this program version %d", msg->version, DEVCTL_VERSION);
        (void)err_hint(&err, "stop the instance with the version that started it");
        client_fail(c, err);
        return;
    }
    sandbox = msg->flags & DEVCTL_SANDBOX_MASK;
    c->sandbox =
        sandbox < DEVCTL_SANDBOX_COUNT ? (enum devctl_sandbox)sandbox : DEVCTL_SANDBOX_NONE;
    c->can_forward = msg->flags & DEVCTL_CAN_FORWARD;
    c->can_detach = msg->flags & DEVCTL_CAN_DETACH;
    mem_replace(&c->version, sv_dup(msg->data));
}

static void handle_guest(struct devices_client *c, uint32_t flags)
{
    bool is_up = flags & DEVCTL_GUEST_UP;

    c->is_up = is_up;
    if (is_up && c->events->on_up)
        c->events->on_up(c->owner, flags & DEVCTL_GUEST_RESUMED);
    if (!is_up && c->events->on_down)
        c->events->on_down(c->owner);
}

static struct listen *find_listen(struct devices_client *c, uint32_t port)
{
    for (size_t i = 0; i < c->listens.n; i++)
        if (c->listens.v[i].port == port)
            return &c->listens.v[i];
    return NULL;
}

/* Somebody in the guest connected; it may be to a port that was just given up. */
static void handle_incoming(struct devices_client *c, const struct devctl_msg *msg, int take_fd)
{
    const struct listen *l = find_listen(c, msg->port);

    if (msg->type == DEVCTL_HELD && l && l->on_held)
        l->on_held(l->arg, msg->stream, msg->port, msg->peer_port);
    else if (msg->type == DEVCTL_HELD)
        devices_client_reject(c, msg->stream);
    else if (l && l->on_accepted && take_fd >= 0)
        l->on_accepted(l->arg, take_fd, msg->port, msg->peer_port);
    else if (take_fd >= 0)
        (void)close(take_fd);
}

static void handle_result(struct devices_client *c, const struct request *r, uint32_t error)
{
    auto_err struct err *err = error ? answer_error(r, error) : NULL;

    if (r->type == DEVCTL_LISTEN && err) {
        (void)err_wrap(&err, "listening on vsock port %u", r->port);
        client_fail(c, err);
    } else if (err) {
        request_fail(r, err);
    } else if (r->on.done && r->type != DEVCTL_CONNECT && r->type != DEVCTL_STATS) {
        r->on.done(r->arg, NULL);
    }
}

static void handle_answer(struct devices_client *c, const struct devctl_msg *msg, int take_fd)
{
    auto_mem struct request *r = request_take(c, msg->id);
    auto_fd int fd = take_fd;

    if (!r)
        return;
    if (msg->type == DEVCTL_RESULT) {
        handle_result(c, r, msg->error);
    } else if (msg->type == DEVCTL_STREAM && r->type == DEVCTL_CONNECT && fd >= 0) {
        r->on.connected(r->arg, MOVE_FD(fd), NULL);
    } else if (msg->type == DEVCTL_COUNTERS && r->type == DEVCTL_STATS) {
        r->on.counters(r->arg, &msg->counters, NULL);
    } else {
        auto_err struct err *err = NULL;

        (void)err_set(&err, ERR_PROTOCOL, "the devices process answered %s with %s",
                      devctl_type_info(r->type)->name, devctl_type_info(msg->type)->name);
        request_fail(r, err);
    }
}

static void dispatch(struct devices_client *c, struct sv packet, int take_fd)
{
    auto_fd int fd = take_fd;
    auto_err struct err *err = NULL;
    struct devctl_msg msg;

    if (!devctl_decode(&msg, packet, &err)) {
        if (err_kind(err) != ERR_UNSUPPORTED) /* later versions may tell more */
            client_fail(c, err);
        return;
    }
    switch (msg.type) {
    case DEVCTL_HELLO:
        handle_hello(c, &msg);
        break;
    case DEVCTL_GUEST:
        handle_guest(c, msg.flags);
        break;
    case DEVCTL_ACCEPTED:
    case DEVCTL_HELD:
        handle_incoming(c, &msg, MOVE_FD(fd));
        break;
    case DEVCTL_RESULT:
    case DEVCTL_STREAM:
    case DEVCTL_COUNTERS:
        handle_answer(c, &msg, MOVE_FD(fd));
        break;
    default: /* a request: not ours to answer */
        break;
    }
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct devices_client *c = poll->data;

    if (events & UV_WRITABLE)
        flush_queue(c);
    while (!c->is_over) {
        char bytes[DEVCTL_MESSAGE_SIZE_MAX];
        auto_err struct err *err = NULL;
        size_t n = 0, n_fds = 0;
        int fd = -1;

        if (!sock_recv_fds(c->fd, bytes, sizeof(bytes), &n, &fd, 1, &n_fds, &err)) {
            if (err_errno(err) == EAGAIN)
                return;
            client_fail(c, err);
            return;
        }
        if (n == 0) {
            (void)err_set(&err, ERR_CANCELED, "the devices process has ended");
            client_fail(c, err);
            return;
        }
        dispatch(c, (struct sv){ bytes, n }, n_fds > 0 ? fd : -1);
    }
}

/* Life cycle. */

static void end(struct devices_client *c, const struct err *err)
{
    c->is_over = true;
    c->is_up = false;
    (void)uv_poll_stop(&c->poll);
    fail_requests(c, err);
}

static void client_fail(struct devices_client *c, const struct err *err)
{
    if (c->is_over)
        return;
    end(c, err);
    if (c->events->on_closed && !c->is_closing)
        c->events->on_closed(c->owner, err);
}

struct devices_client *devices_client_open(uv_loop_t *loop, const char *path,
                                           const struct devices_client_events *events, void *owner,
                                           struct err **errp)
{
    auto_fd int fd = -1;
    struct devices_client *c;
    int rc;

    if (!sock_unix_connect(path, SOCK_SEQPACKET, &fd, errp))
        return NULL;
    c = mem_new(struct devices_client);
    rc = uv_poll_init(loop, &c->poll, fd); /* makes it non-blocking */
    if (rc < 0) {
        free(c);
        (void)err_set_os(errp, -rc, "cannot watch the socket of the devices process");
        return NULL;
    }
    c->poll.data = c;
    c->fd = MOVE_FD(fd);
    c->events = events;
    c->owner = owner;
    c->version = mem_strdup("");
    list_init(&c->requests);
    watch(c);
    send_message(c, &(struct devctl_msg){ .type = DEVCTL_HELLO, .version = DEVCTL_VERSION,
                                          .data = SV(CLIMA_VERSION) }, -1);
    return c;
}

static void poll_closed(uv_handle_t *handle)
{
    struct devices_client *c = handle->data;

    (void)close(c->fd);
    for (size_t i = 0; i < c->queue.n; i++)
        packet_done(&c->queue.v[i]);
    vec_done(&c->queue);
    vec_done(&c->listens);
    free(c->version);
    free(c);
}

void devices_client_close(struct devices_client *c)
{
    auto_err struct err *err = NULL;

    if (!c || c->is_closing)
        return;
    c->is_closing = true;
    (void)err_set(&err, ERR_CANCELED, "the connection to the devices process was closed");
    if (!c->is_over)
        end(c, err);
    uv_close((uv_handle_t *)&c->poll, poll_closed);
}

enum devctl_sandbox devices_client_sandbox(const struct devices_client *c)
{
    return c->sandbox;
}

const char *devices_client_version(const struct devices_client *c)
{
    return c->version;
}

bool devices_client_is_up(const struct devices_client *c)
{
    return c->is_up;
}

/* Requests of the owner. */

static void add_listen(struct devices_client *c, const struct listen *l, uint32_t flags)
{
    struct devctl_msg msg = { .type = DEVCTL_LISTEN, .port = l->port, .flags = flags };

    assert(!find_listen(c, l->port));
    *vec_push(&c->listens) = *l;
    request_send(c, &msg, (struct request){ 0 }, -1);
}

void devices_client_listen(struct devices_client *c, uint32_t port, devices_accepted_fn on_accepted,
                           void *arg)
{
    add_listen(c, &(struct listen){ .port = port, .on_accepted = on_accepted, .arg = arg }, 0);
}

void devices_client_listen_hold(struct devices_client *c, uint32_t port, devices_held_fn on_held,
                                void *arg)
{
    add_listen(c, &(struct listen){ .port = port, .on_held = on_held, .arg = arg },
               DEVCTL_LISTEN_HOLD);
}

void devices_client_unlisten(struct devices_client *c, uint32_t port)
{
    struct devctl_msg msg = { .type = DEVCTL_UNLISTEN, .port = port };
    struct listen *l = find_listen(c, port);

    if (!l)
        return;
    vec_remove(&c->listens, (size_t)(l - c->listens.v));
    request_send(c, &msg, (struct request){ 0 }, -1);
}

void devices_client_connect(struct devices_client *c, uint32_t port,
                            devices_connected_fn on_connected, void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_CONNECT, .port = port };

    request_send(c, &msg, (struct request){ .on.connected = on_connected, .arg = arg }, -1);
}

static void hand_over(struct devices_client *c, struct devctl_msg *msg, int take_fd,
                      devices_done_fn on_done, void *arg)
{
    if (!on_done && !c->is_over) { /* an answer would only wake both sides */
        send_message(c, msg, take_fd);
        return;
    }
    request_send(c, msg, (struct request){ .on.done = on_done, .arg = arg }, take_fd);
}

void devices_client_pump(struct devices_client *c, uint32_t port, int take_fd, struct sv preface,
                         uint32_t tag, devices_done_fn on_done, void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_PUMP, .port = port, .tag = tag, .data = preface };

    hand_over(c, &msg, take_fd, on_done, arg);
}

bool devices_client_can_forward(const struct devices_client *c)
{
    return c->can_forward;
}

void devices_client_forward(struct devices_client *c, uint32_t port, int take_fd, struct sv preface,
                            uint32_t tag)
{
    struct devctl_msg msg = { .type = DEVCTL_FORWARD, .port = port, .tag = tag, .data = preface };

    hand_over(c, &msg, take_fd, NULL, NULL);
}

void devices_client_accept(struct devices_client *c, uint32_t stream, int take_fd, uint32_t tag,
                           devices_done_fn on_done, void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_ACCEPT, .stream = stream, .tag = tag };

    request_send(c, &msg, (struct request){ .on.done = on_done, .arg = arg }, take_fd);
}

void devices_client_reject(struct devices_client *c, uint32_t stream)
{
    struct devctl_msg msg = { .type = DEVCTL_REJECT, .stream = stream };

    request_send(c, &msg, (struct request){ 0 }, -1);
}

void devices_client_export(struct devices_client *c, const struct devices_export *export,
                           int take_root_fd, devices_done_fn on_done, void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_EXPORT,
                              .flags = export->flags,
                              .uid = export->uid,
                              .gid = export->gid,
                              .data = sv_of(export->name) };

    request_send(c, &msg, (struct request){ .on.done = on_done, .arg = arg }, take_root_fd);
}

void devices_client_unexport(struct devices_client *c, const char *name, devices_done_fn on_done,
                             void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_UNEXPORT, .data = sv_of(name) };

    request_send(c, &msg, (struct request){ .on.done = on_done, .arg = arg }, -1);
}

void devices_client_detach(struct devices_client *c, const char *name)
{
    struct devctl_msg msg = { .type = c->can_detach ? DEVCTL_DETACH : DEVCTL_UNEXPORT,
                              .data = sv_of(name) };

    request_send(c, &msg, (struct request){ 0 }, -1);
}

void devices_client_stats(struct devices_client *c, uint32_t tag, devices_counters_fn on_counters,
                          void *arg)
{
    struct devctl_msg msg = { .type = DEVCTL_STATS, .tag = tag };

    request_send(c, &msg, (struct request){ .on.counters = on_counters, .arg = arg }, -1);
}
