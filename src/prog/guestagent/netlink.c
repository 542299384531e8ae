#include "prog/guestagent/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/sb.h"

enum {
    RECEIVE_SIZE = 64 * 1024,
    RECEIVE_BUFFER = 4 * 1024 * 1024,
    WAIT_S = 5,
};

bool netlink_open(int protocol, uint32_t groups, int *out_fd, struct err **errp)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
    const struct timeval wait = { .tv_sec = WAIT_S };
    const int buffer = RECEIVE_BUFFER;
    auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
        return err_set_os(errp, errno, "cannot open netlink");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    *out_fd = MOVE_FD(fd);
    return true;
}

bool netlink_next(struct sv *bytes, struct netlink_message *out)
{
    struct nlmsghdr head;

    if (bytes->n < sizeof(head))
        return false;
    memcpy(&head, bytes->p, sizeof(head));
    if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > bytes->n)
        return false;
    out->type = head.nlmsg_type;
    out->seq = head.nlmsg_seq;
    out->payload = sv_slice(*bytes, sizeof(head), head.nlmsg_len);
    *bytes = sv_slice(*bytes, NLMSG_ALIGN((size_t)head.nlmsg_len), bytes->n);
    return true;
}

bool netlink_attr_next(struct sv *attrs, uint16_t *out_type, struct sv *out_value)
{
    struct nlattr head;

    if (attrs->n < sizeof(head))
        return false;
    memcpy(&head, attrs->p, sizeof(head));
    if (head.nla_len < sizeof(head) || head.nla_len > attrs->n)
        return false;
    *out_type = head.nla_type & NLA_TYPE_MASK;
    *out_value = sv_slice(*attrs, sizeof(head), head.nla_len);
    *attrs = sv_slice(*attrs, NLA_ALIGN((size_t)head.nla_len), attrs->n);
    return true;
}

static bool send_request(int fd, uint16_t type, uint16_t flags, uint32_t seq, struct sv body,
                         struct err **errp)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct nlmsghdr head = { .nlmsg_len = (uint32_t)(sizeof(head) + body.n),
                             .nlmsg_type = type,
                             .nlmsg_flags = NLM_F_REQUEST | flags,
                             .nlmsg_seq = seq };
    struct iovec iov[] = { { &head, sizeof(head) }, { (char *)body.p, body.n } };
    struct msghdr mh = { &kernel, sizeof(kernel), iov, COUNT(iov), NULL, 0, 0 };

    return sendmsg(fd, &mh, MSG_NOSIGNAL) >= 0 || err_set_os(errp, errno, "cannot ask netlink");
}

/* An error of 0 is an acknowledgement; it also ends a dump with NLMSG_DONE. */
static bool take_verdict(struct sv payload, struct err **errp)
{
    int32_t error = 0;

    if (payload.n >= sizeof(error))
        memcpy(&error, payload.p, sizeof(error));
    return error >= 0 || err_set_os(errp, -error, "netlink refuses");
}

/* False with *errp: refused. *out_done: nothing more will come. */
static bool take_answers(struct sv bytes, uint32_t seq, bool is_dump, netlink_fn on_message,
                         void *arg, bool *out_done, struct err **errp)
{
    for (struct netlink_message msg; netlink_next(&bytes, &msg);) {
        if (msg.seq != seq)
            continue; /* of a request that was given up, or an event */
        if (msg.type == NLMSG_DONE || msg.type == NLMSG_ERROR) {
            *out_done = true;
            return take_verdict(msg.payload, errp);
        }
        if (on_message)
            on_message(arg, msg.type, msg.payload);
        *out_done = !is_dump;
    }
    return true;
}

bool netlink_ask(int fd, uint16_t type, uint16_t flags, struct sv body, netlink_fn on_message,
                 void *arg, struct err **errp)
{
    static uint32_t last_seq;
    uint32_t seq = ++last_seq;
    auto_sb struct sb in = { 0 };
    bool done = false;

    if (!send_request(fd, type, flags, seq, body, errp))
        return false;
    while (!done) {
        char *room = sb_reserve(&in, RECEIVE_SIZE);
        ssize_t n = recv(fd, room, RECEIVE_SIZE, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set_os(errp, n < 0 ? errno : EPIPE, "netlink does not answer");
        if (!take_answers((struct sv){ room, (size_t)n }, seq, flags & NLM_F_DUMP, on_message, arg,
                          &done, errp))
            return false;
    }
    return true;
}
