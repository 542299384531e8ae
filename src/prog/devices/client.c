#include "prog/devices/client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define QUEUE_MAX 256
#define GROUPS_MAX 4096
#define PACKETS_BATCH 32 /* handled before the loop looks at other descriptors */

static void gone_later(struct ev_task *task)
{
    struct client *c = CONTAINER_OF(task, struct client, gone_task);

    c->events->on_gone(c);
}

static void end(struct client *c)
{
    if (c->is_dropped)
        return;
    c->is_dropped = true;
    evloop_remove(c->loop, &c->source);
    ev_task_queue(c->loop, &c->gone_task, gone_later);
}

void client_drop(struct client *c, const char *why)
{
    if (!c->is_dropped)
        log_warn("dropped a control connection: %s", why);
    end(c);
}

bool client_is_congested(const struct client *c)
{
    return c->queue.n > 0;
}

/* 0, or the errno of sendmsg. */
static int send_packet(struct client *c, const void *bytes, size_t n, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (void *)bytes, n };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *cmsg;

        mh.msg_control = control.bytes;
        mh.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&mh);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    }
    do {
        sent = sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

static void flush_queue(struct client *c)
{
    size_t n_sent = 0;

    while (n_sent < c->queue.n) {
        struct client_packet *p = &c->queue.v[n_sent];
        int error = send_packet(c, p->bytes, p->n, p->fd);

        if (error == EAGAIN || error == ETOOMANYREFS)
            break;
        if (error) {
            end(c);
            return;
        }
        free(p->bytes);
        if (p->fd >= 0)
            (void)close(p->fd);
        n_sent++;
    }
    memmove(c->queue.v, c->queue.v + n_sent, (c->queue.n - n_sent) * sizeof(*c->queue.v));
    c->queue.n -= n_sent;
    if (c->queue.n == 0)
        evloop_change(c->loop, &c->source, EPOLLIN);
}

bool client_send(struct client *c, const struct devctl_msg *msg, int take_fd)
{
    auto_fd int fd = take_fd;
    uint8_t bytes[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n = devctl_encode(msg, bytes);
    int error = c->queue.n > 0 ? EAGAIN : 0;

    if (c->is_dropped)
        return false;
    if (!error)
        error = send_packet(c, bytes, n, fd);
    if (!error)
        return true;
    if (error != EAGAIN && error != ETOOMANYREFS) {
        end(c);
        return false;
    }
    if (c->queue.n == QUEUE_MAX) {
        client_drop(c, "it does not read");
        return false;
    }
    if (c->queue.n == 0)
        evloop_change(c->loop, &c->source, EPOLLIN | EPOLLOUT);
    *vec_push(&c->queue) = (struct client_packet){ mem_dup(bytes, n), n, MOVE_FD(fd) };
    return true;
}

void client_send_result(struct client *c, uint32_t id, int error)
{
    if (id != 0)
        (void)client_send(c, &(struct devctl_msg){ .type = DEVCTL_RESULT, .id = id,
                                                   .error = (uint32_t)error }, -1);
}

static void handle_packet(struct client *c, struct sv packet, int take_fd)
{
    auto_fd int fd = take_fd;
    auto_err struct err *err = NULL;
    const struct devctl_type_info *info;
    struct devctl_msg msg;

    if (!devctl_decode(&msg, packet, &err)) {
        if (err_kind(err) == ERR_UNSUPPORTED)
            client_send_result(c, msg.id, ENOSYS);
        else
            client_drop(c, err_text(err));
        return;
    }
    info = devctl_type_info(msg.type);
    if (!(info->fields & DEVCTL_IS_REQUEST)) {
        client_drop(c, "it sent an answer");
        return;
    }
    if ((info->fields & DEVCTL_HAS_FD) && fd < 0) { /* also when we had no descriptor left */
        client_send_result(c, msg.id, EBADF);
        return;
    }
    if (!c->has_greeted && msg.type != DEVCTL_HELLO) {
        client_drop(c, "it did not greet");
        return;
    }
    c->has_greeted = true;
    c->events->on_message(c, &msg, info->fields & DEVCTL_HAS_FD ? MOVE_FD(fd) : -1);
}

/* Takes the first descriptor of a packet; closes all others. */
static int take_fds(struct msghdr *mh)
{
    int first = -1;

    for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
        size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS && i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
            if (first < 0)
                first = fd;
            else
                (void)close(fd);
        }
    }
    return first;
}

/* True when there may be more. */
static bool receive(struct client *c)
{
    char bytes[DEVCTL_MESSAGE_SIZE_MAX + 1]; /* a packet that is too long shows by its length */
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes) };
    ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        end(c);
        return false;
    }
    handle_packet(c, (struct sv){ bytes, (size_t)n }, take_fds(&mh));
    return !c->is_dropped;
}

static void socket_ready(struct ev_source *source, uint32_t events)
{
    struct client *c = CONTAINER_OF(source, struct client, source);

    if (events & EPOLLOUT)
        flush_queue(c);
    for (unsigned i = 0; i < PACKETS_BATCH && !c->is_dropped; i++)
        if (!receive(c))
            return;
}

struct vsock_group *client_group(struct client *c, uint32_t tag, bool may_make)
{
    if (tag == 0)
        return NULL;
    for (size_t i = 0; i < c->groups.n; i++)
        if (c->groups.v[i].tag == tag)
            return c->groups.v[i].group;
    if (!may_make || c->groups.n == GROUPS_MAX)
        return NULL;
    *vec_push(&c->groups) = (struct client_group){ tag, vsock_group_new() };
    return c->groups.v[c->groups.n - 1].group;
}

struct client *client_new(struct evloop *loop, int take_fd, const struct client_events *events,
                          void *owner, struct err **errp)
{
    auto_fd int fd = take_fd;
    struct client *c = mem_new(struct client);

    c->loop = loop;
    c->events = events;
    c->owner = owner;
    if (!evloop_add(loop, &c->source, fd, EPOLLIN, socket_ready, errp)) {
        free(c);
        return NULL;
    }
    c->fd = MOVE_FD(fd);
    return c;
}

void client_free(struct client *c)
{
    evloop_remove(c->loop, &c->source);
    ev_task_cancel(&c->gone_task);
    for (size_t i = 0; i < c->queue.n; i++) {
        free(c->queue.v[i].bytes);
        if (c->queue.v[i].fd >= 0)
            (void)close(c->queue.v[i].fd);
    }
    vec_done(&c->queue);
    for (size_t i = 0; i < c->groups.n; i++)
        vsock_group_unref(c->groups.v[i].group);
    vec_done(&c->groups);
    (void)close(c->fd);
    free(c);
}
