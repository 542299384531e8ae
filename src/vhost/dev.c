/*
 * Theory of operation. The socket carries one message after the other; each is read whole, with
 * its descriptors, before it is handled. QEMU starts a queue with SET_VRING_NUM, _BASE, _ADDR,
 * _KICK (_CALL may come later or change at any time) and _ENABLE, and stops it with GET_VRING_BASE,
 * be it because the guest is reset, the driver unloaded, or the VM paused. Only the position tells
 * these apart: after a pause the queue starts where it stopped, a new driver starts at 0.
 *
 * Old QEMUs never enable the queues of some devices, therefore a queue counts as enabled until it
 * is disabled explicitly.
 */
#include "vhost/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define PROTOCOL_FEATURES                                                         \
    (1ull << VHOST_USER_PROTOCOL_F_MQ | 1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK | \
     1ull << VHOST_USER_PROTOCOL_F_RESET_DEVICE)
#define TRANSPORT_FEATURES                                          \
    (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX | \
     1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VHOST_USER_F_PROTOCOL_FEATURES)

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void drop_message_fds(struct vhost_dev *d)
{
    for (unsigned i = 0; i < d->in.n_fds; i++)
        close_fd(&d->in.fds[i]);
    d->in.n_fds = 0;
}

/* The descriptor of a message about a queue, or -1. Whatever it is, it shall never block us. */
static int take_message_fd(struct vhost_dev *d)
{
    int fd = d->in.n_fds > 0 ? MOVE_FD(d->in.fds[0]) : -1;

    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

/* Start and stop. */

static bool all_queues_ready(const struct vhost_dev *d)
{
    for (unsigned i = 0; i < d->ops->n_queues; i++)
        if (!d->queues[i].started || d->queues[i].disabled)
            return false;
    return true;
}

static void stop_device(struct vhost_dev *d, const char *broken)
{
    static const uint64_t one = 1;

    ev_task_cancel(&d->check_task);
    if (!d->is_started)
        return;
    d->is_started = false;
    d->ops->on_stopped(d, broken);
    for (unsigned i = 0; i < d->ops->n_queues; i++) {
        struct vhost_queue *q = &d->queues[i];

        evloop_remove(d->loop, &q->kick);
        ev_timer_stop(&q->late);
        if (!broken)
            vhost_ring_notify(&q->ring);
        q->base = q->stopped_at = vhost_ring_stop(&q->ring);
        q->was_stopped = !broken;
        if (broken && q->err_fd >= 0) {
            ssize_t n = write(q->err_fd, &one, sizeof(one)); /* advice only: QEMU may look or not */

            (void)n;
        }
    }
}

static void queue_kicked(struct ev_source *source, uint32_t events)
{
    struct vhost_queue *q = CONTAINER_OF(source, struct vhost_queue, kick);
    uint64_t count;
    ssize_t n = read(q->kick_fd, &count, sizeof(count));

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        evloop_remove(q->dev->loop, source); /* not an eventfd: it would spin */
        return;
    }
    q->dev->ops->on_kick(q->dev, (unsigned)(q - q->dev->queues));
}

static bool start_queue(struct vhost_dev *d, struct vhost_queue *q, struct err **errp)
{
    q->setup.event_idx = d->features >> VIRTIO_RING_F_EVENT_IDX & 1;
    q->setup.indirect = d->features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
    q->ring.call_fd = q->call_fd;
    if (!vhost_ring_start(&q->ring, &d->memory, &q->setup, q->base, errp))
        return false;
    if (q->kick_fd >= 0 &&
        !evloop_add(d->loop, &q->kick, q->kick_fd, EPOLLIN, queue_kicked, errp)) {
        (void)vhost_ring_stop(&q->ring);
        return false;
    }
    return true;
}

static bool start_device(struct vhost_dev *d, struct err **errp)
{
    bool resumed = true, moved = false;

    if (d->is_started || !all_queues_ready(d))
        return true;
    for (unsigned i = 0; i < d->ops->n_queues; i++) {
        struct vhost_queue *q = &d->queues[i];

        if (!start_queue(d, q, errp)) {
            while (i-- > 0) {
                evloop_remove(d->loop, &d->queues[i].kick);
                (void)vhost_ring_stop(&d->queues[i].ring);
            }
            return false;
        }
        resumed = resumed && q->was_stopped && q->base == q->stopped_at;
    }
    for (unsigned i = 0; i < d->ops->n_queues; i++)
        moved = moved || d->queues[i].base != 0;
    resumed = resumed && moved;
    d->is_started = true;
    d->ops->on_started(d, resumed);
    for (unsigned i = 0; i < d->ops->n_queues && d->is_started; i++)
        d->ops->on_kick(d, i); /* kicks before the start are lost */
    return true;
}

static void check_queues(struct ev_task *task)
{
    struct vhost_dev *d = CONTAINER_OF(task, struct vhost_dev, check_task);

    for (unsigned i = 0; i < d->ops->n_queues; i++) {
        if (d->queues[i].ring.broken) {
            stop_device(d, d->queues[i].ring.broken);
            return;
        }
    }
}

void vhost_dev_report_broken(struct vhost_dev *d)
{
    if (d->is_started)
        ev_task_queue(d->loop, &d->check_task, check_queues);
}

void vhost_dev_notify(struct vhost_dev *d, unsigned queue)
{
    struct vhost_queue *q = &d->queues[queue];

    ev_timer_stop(&q->late);
    vhost_ring_notify(&q->ring);
}

static void late_due(struct ev_timer *timer)
{
    struct vhost_queue *q = CONTAINER_OF(timer, struct vhost_queue, late);

    vhost_dev_notify(q->dev, (unsigned)(q - q->dev->queues));
}

void vhost_dev_notify_late(struct vhost_dev *d, unsigned queue)
{
    struct vhost_queue *q = &d->queues[queue];
    unsigned n = vhost_ring_untold(&q->ring);

    if (n >= q->ring.num / 4)
        vhost_dev_notify(d, queue);
    else if (n > 0 && !ev_timer_is_running(&q->late))
        ev_timer_start(d->loop, &q->late, VHOST_LATE_MS, late_due);
}

/* Messages. */

static bool set_memory(struct vhost_dev *d, const struct vhost_user_msg *msg, struct err **errp)
{
    if (!vhost_memory_set(&d->memory, msg->regions, d->in.fds, msg->n_regions, errp))
        return false;
    for (unsigned i = 0; d->is_started && i < d->ops->n_queues; i++) {
        if (!vhost_ring_relocate(&d->queues[i].ring, &d->queues[i].setup, errp)) {
            stop_device(d, "the memory table lost a queue");
            return false;
        }
    }
    return true;
}

static void stop_queue(struct vhost_dev *d, struct vhost_queue *q)
{
    stop_device(d, NULL);
    q->started = false;
    close_fd(&q->kick_fd);
    close_fd(&q->call_fd);
    q->ring.call_fd = -1;
}

static void set_call(struct vhost_dev *d, struct vhost_queue *q)
{
    close_fd(&q->call_fd);
    q->call_fd = take_message_fd(d);
    q->ring.call_fd = q->call_fd;
    if (d->is_started) { /* an interrupt may have gone to the old one while it was masked */
        q->ring.suppressed = true;
        vhost_ring_notify_again(&q->ring);
    }
}

static bool set_kick(struct vhost_dev *d, struct vhost_queue *q, struct err **errp)
{
    stop_device(d, NULL);
    close_fd(&q->kick_fd);
    q->kick_fd = take_message_fd(d);
    q->started = true;
    return start_device(d, errp);
}

static void reset_device(struct vhost_dev *d)
{
    stop_device(d, NULL);
    for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
        stop_queue(d, &d->queues[i]);
        d->queues[i].was_stopped = false;
    }
}

static size_t answer_config(struct vhost_dev *d, const struct vhost_user_msg *msg, uint8_t *out)
{
    uint8_t bytes[VHOST_USER_CONFIG_LEN_MAX];
    struct sv config = { (char *)bytes, msg->config.n };

    /* An answer without bytes is how the protocol says no. */
    if (!d->ops->read_config ||
        !d->ops->read_config(d, msg->config_offset, bytes, (uint32_t)config.n))
        config.n = 0;
    return vhost_user_answer_config(out, msg->config_offset, msg->config_flags, config);
}

static uint64_t protocol_features(const struct vhost_dev *d)
{
    return PROTOCOL_FEATURES | (d->ops->read_config ? 1ull << VHOST_USER_PROTOCOL_F_CONFIG : 0);
}

/* A message about a queue. *out_len is the length of its own answer in out, if it has one. */
static bool handle_queue(struct vhost_dev *d, struct vhost_queue *q,
                         const struct vhost_user_msg *msg, uint8_t *out, size_t *out_len,
                         struct err **errp)
{
    switch (msg->request) {
    case VHOST_USER_SET_VRING_NUM:
        stop_device(d, NULL);
        q->setup.num = msg->num;
        return true;
    case VHOST_USER_SET_VRING_ADDR:
        stop_device(d, NULL);
        q->setup.desc = msg->addr.desc;
        q->setup.avail = msg->addr.avail;
        q->setup.used = msg->addr.used;
        return start_device(d, errp);
    case VHOST_USER_SET_VRING_BASE:
        stop_device(d, NULL);
        q->base = (uint16_t)msg->num;
        return true;
    case VHOST_USER_GET_VRING_BASE:
        stop_queue(d, q);
        *out_len = vhost_user_answer_state(out, msg->request, msg->index, q->base);
        return true;
    case VHOST_USER_SET_VRING_KICK:
        return set_kick(d, q, errp);
    case VHOST_USER_SET_VRING_CALL:
        set_call(d, q);
        return true;
    case VHOST_USER_SET_VRING_ERR:
        close_fd(&q->err_fd);
        q->err_fd = take_message_fd(d);
        return true;
    case VHOST_USER_SET_VRING_ENABLE:
        q->disabled = msg->num == 0;
        if (q->disabled)
            stop_device(d, NULL);
        return start_device(d, errp);
    default:
        return err_set(errp, ERR_INTERNAL, "vhost-user request %u is forgotten",
                       (unsigned)msg->request);
    }
}

/* Does what a message asks for. *out_len is the length of its own answer in out, if it has one. */
static bool handle(struct vhost_dev *d, const struct vhost_user_msg *msg, uint8_t *out,
                   size_t *out_len, struct err **errp)
{
    const uint64_t offered = TRANSPORT_FEATURES | d->ops->features;

    switch (msg->request) {
    case VHOST_USER_GET_FEATURES:
        *out_len = vhost_user_answer_u64(out, msg->request, offered);
        return true;
    case VHOST_USER_SET_FEATURES:
        if (msg->u64 & ~offered)
            return err_set(errp, ERR_PROTOCOL, "features %#llx were not offered",
                           (unsigned long long)(msg->u64 & ~offered));
        d->features = msg->u64;
        return true;
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        *out_len = vhost_user_answer_u64(out, msg->request, protocol_features(d));
        return true;
    case VHOST_USER_GET_QUEUE_NUM:
        *out_len = vhost_user_answer_u64(out, msg->request, d->ops->n_queues);
        return true;
    case VHOST_USER_SET_PROTOCOL_FEATURES:
    case VHOST_USER_SET_OWNER:
        return true;
    case VHOST_USER_RESET_OWNER:
    case VHOST_USER_RESET_DEVICE:
        reset_device(d);
        return true;
    case VHOST_USER_SET_MEM_TABLE:
        return set_memory(d, msg, errp);
    case VHOST_USER_GET_CONFIG:
        *out_len = answer_config(d, msg, out);
        return true;
    case VHOST_USER_SET_CONFIG:
        return err_set(errp, ERR_PROTOCOL, "the configuration cannot be written");
    default:
        break;
    }
    /* QEMU keeps some queues for itself, but may set up all of them. */
    if (msg->index >= VHOST_QUEUES_MAX)
        return err_set(errp, ERR_PROTOCOL, "the device has no queue %u", msg->index);
    return handle_queue(d, &d->queues[msg->index], msg, out, out_len, errp);
}

static bool send_answer(struct vhost_dev *d, const uint8_t *bytes, size_t n, struct err **errp)
{
    ssize_t sent = send(d->socket_fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    /* QEMU waits for each answer, so there is always room for one. */
    if (sent != (ssize_t)n)
        return err_set_os(errp, sent < 0 ? errno : EPROTO, "cannot answer QEMU");
    return true;
}

/* Handles the message that was read. False ends the connection. */
static bool dispatch(struct vhost_dev *d, const struct vhost_user_head *head, struct err **errp)
{
    uint8_t out[VHOST_USER_HEAD_LEN + VHOST_USER_PAYLOAD_LEN_MAX];
    struct sv payload = { (char *)d->in.bytes + VHOST_USER_HEAD_LEN, head->size };
    auto_err struct err *why = NULL;
    struct vhost_user_msg msg;
    size_t n_out = 0;
    bool ok = vhost_user_decode(&msg, head, payload, d->in.n_fds, &why) &&
              handle(d, &msg, out, &n_out, &why);

    drop_message_fds(d);
    if (!ok) {
        log_debug("%s: %s", d->ops->name, err_text(why));
        if (vhost_user_has_answer(head->request)) /* nothing that could be said */
            return err_propagate(errp, MOVE(why));
    }
    if (n_out == 0 && (head->flags & VHOST_USER_NEED_REPLY))
        n_out = vhost_user_answer_u64(out, head->request, ok ? 0 : 1);
    return n_out == 0 || send_answer(d, out, n_out, errp);
}

static void take_fds(struct vhost_dev *d, struct msghdr *mh)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (d->in.n_fds < VHOST_USER_FDS_MAX)
                d->in.fds[d->in.n_fds++] = fd;
            else
                (void)close(fd);
        }
    }
}

enum read_result { READ_MORE, READ_WAIT, READ_END, READ_FAILED };

/* Reads up to n bytes of the message in all. */
static enum read_result read_up_to(struct vhost_dev *d, size_t n, struct err **errp)
{
    union {
        char bytes[CMSG_SPACE(VHOST_USER_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { d->in.bytes + d->in.n, n - d->in.n };
    struct msghdr mh = { .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes) };
    ssize_t got = recvmsg(d->socket_fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return READ_WAIT;
        if (errno == ECONNRESET)
            return READ_END;
        (void)err_set_os(errp, errno, "cannot read from QEMU");
        return READ_FAILED;
    }
    take_fds(d, &mh);
    if (got == 0)
        return READ_END;
    d->in.n += (size_t)got;
    return READ_MORE;
}

static enum read_result read_message(struct vhost_dev *d, struct err **errp)
{
    struct vhost_user_head head;
    enum read_result result;

    while (d->in.n < VHOST_USER_HEAD_LEN)
        if ((result = read_up_to(d, VHOST_USER_HEAD_LEN, errp)) != READ_MORE)
            return result;
    if (!vhost_user_head_decode(&head, d->in.bytes, errp))
        return READ_FAILED;
    while (d->in.n < VHOST_USER_HEAD_LEN + head.size)
        if ((result = read_up_to(d, VHOST_USER_HEAD_LEN + head.size, errp)) != READ_MORE)
            return result;
    d->in.n = 0;
    return dispatch(d, &head, errp) ? READ_MORE : READ_FAILED;
}

static void socket_ready(struct ev_source *source, uint32_t events)
{
    struct vhost_dev *d = CONTAINER_OF(source, struct vhost_dev, socket);
    auto_err struct err *err = NULL;
    enum read_result result;

    do {
        result = read_message(d, &err);
    } while (result == READ_MORE);
    if (result == READ_WAIT)
        return;
    stop_device(d, NULL);
    evloop_remove(d->loop, &d->socket);
    d->ops->on_gone(d, err);
}

bool vhost_dev_init(struct vhost_dev *d, struct evloop *loop, int take_fd,
                    const struct vhost_dev_ops *ops, struct err **errp)
{
    auto_fd int fd = take_fd;

    *d = (struct vhost_dev){ .ops = ops, .loop = loop };
    d->socket.fd = -1;
    for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
        struct vhost_queue *q = &d->queues[i];

        q->dev = d;
        q->kick.fd = q->kick_fd = q->call_fd = q->err_fd = q->ring.call_fd = -1;
    }
    if (!evloop_add(loop, &d->socket, fd, EPOLLIN, socket_ready, errp))
        return err_wrap(errp, "%s", ops->name);
    d->socket_fd = MOVE_FD(fd);
    return true;
}

void vhost_dev_done(struct vhost_dev *d)
{
    ev_task_cancel(&d->check_task);
    for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
        struct vhost_queue *q = &d->queues[i];

        evloop_remove(d->loop, &q->kick);
        ev_timer_stop(&q->late);
        close_fd(&q->kick_fd);
        close_fd(&q->call_fd);
        close_fd(&q->err_fd);
    }
    evloop_remove(d->loop, &d->socket);
    close_fd(&d->socket_fd);
    drop_message_fds(d);
    vhost_memory_done(&d->memory);
}
