#include "sys/sock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "sys/sys_priv.h"

enum { SOCK_BACKLOG = 128 };

static_assert(SOCK_PATH_MAX < sizeof(((struct sockaddr_un *)0)->sun_path), "leaves a terminator");

static bool unix_address(const char *path, struct sockaddr_un *out, struct err **errp)
{
    size_t n = strlen(path);

    if (n == 0 || n > SOCK_PATH_MAX) {
        (void)err_set(errp, ERR_INVALID, "the socket path %s is %zu bytes long, at most %d are possible",
                      path, n, SOCK_PATH_MAX);
        return err_hint(errp, "use a shorter instance name, or a shorter LIMA_HOME");
    }
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(out->sun_path, path, n);
    return true;
}

static bool open_socket(int domain, int type, int *out_fd, struct err **errp)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot create a socket");
    *out_fd = fd;
    return true;
}

bool sock_unix_connect(const char *path, int type, int *out_fd, struct err **errp)
{
    struct sockaddr_un addr;
    auto_fd int fd = -1;

    if (!unix_address(path, &addr, errp) || !open_socket(AF_UNIX, type, &fd, errp))
        return false;
    while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == ECONNREFUSED)
            return err_set(errp, ERR_NOT_FOUND, "nobody listens on %s", path);
        return sys_fail(errp, errno, "cannot connect to %s", path);
    }
    *out_fd = MOVE_FD(fd);
    return true;
}

/* Removes a socket nobody answers on. */
static bool clear_socket(const char *path, int type, struct err **errp)
{
    auto_fd int fd = -1;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT || sys_fail(errp, errno, "cannot inspect %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(errp, ERR_EXISTS, "%s is in the way: it is not a socket", path);
    if (sock_unix_connect(path, type, &fd, NULL))
        return err_set(errp, ERR_BUSY, "another process listens on %s", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return sys_fail(errp, errno, "cannot remove %s", path);
    return true;
}

bool sock_unix_listen(const char *path, int type, int *out_fd, struct err **errp)
{
    struct sockaddr_un addr;
    auto_fd int fd = -1;

    if (!unix_address(path, &addr, errp) || !clear_socket(path, type, errp) ||
        !open_socket(AF_UNIX, type, &fd, errp))
        return false;
    (void)fchmod(fd, 0600); /* Linux takes the mode of the file from here: never open to others */
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return sys_fail(errp, errno, "cannot bind %s", path);
    if (chmod(path, 0600) < 0 || listen(fd, SOCK_BACKLOG) < 0) {
        int errnum = errno;

        (void)unlink(path);
        return sys_fail(errp, errnum, "cannot listen on %s", path);
    }
    *out_fd = MOVE_FD(fd);
    return true;
}

bool sock_accept(int listen_fd, int *out_fd, struct err **errp)
{
    int fd;

    do
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return sys_fail(errp, errno, "cannot accept a connection");
    *out_fd = fd;
    return true;
}

bool sock_pair(int type, int out_fds[2], struct err **errp)
{
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, out_fds) < 0)
        return sys_fail(errp, errno, "cannot create a socket pair");
    return true;
}

bool sock_peer(int fd, uid_t *out_uid, pid_t *out_pid, struct err **errp)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return sys_fail(errp, errno, "cannot tell who is at the other end of a socket");
    *out_uid = cred.uid;
    if (out_pid)
        *out_pid = cred.pid;
    return true;
}

/* --- Descriptors --- */

union fd_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(SOCK_FDS_MAX * sizeof(int))];
};

static void put_fds(struct msghdr *msg, union fd_control *control, const int *fds, size_t n_fds)
{
    struct cmsghdr *cmsg;

    msg->msg_control = control->bytes;
    msg->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    cmsg = CMSG_FIRSTHDR(msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
}

ssize_t sock_send_fd_part(int stream_fd, const void *bytes, size_t n_bytes, int fd)
{
    union fd_control control = { .bytes = { 0 } };
    struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n_bytes };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    put_fds(&msg, &control, &fd, 1);
    return sendmsg(stream_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool sock_send_fds(int fd, const void *bytes, size_t n_bytes, const int *fds, size_t n_fds,
                   struct err **errp)
{
    union fd_control control = { .bytes = { 0 } };
    struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n_bytes };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (n_bytes == 0 || n_fds > SOCK_FDS_MAX)
        return err_set(errp, ERR_INTERNAL, "a message needs bytes and at most %d descriptors",
                       SOCK_FDS_MAX);
    if (n_fds)
        put_fds(&msg, &control, fds, n_fds);
    for (;;) {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_fail(errp, errno, "cannot send a message");
        if ((size_t)n == iov.iov_len)
            return true;
        /* A stream took a part; the descriptors went with it. */
        iov.iov_base = (char *)iov.iov_base + n;
        iov.iov_len -= (size_t)n;
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    }
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
}

bool sock_recv_fds(int fd, void *bytes, size_t size, size_t *out_bytes, int *fds, size_t max_fds,
                   size_t *out_n_fds, struct err **errp)
{
    union fd_control control = { .bytes = { 0 } };
    struct iovec iov = { .iov_base = bytes, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    int got[SOCK_FDS_MAX];
    size_t n_got = 0;
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return sys_fail(errp, errno, "cannot receive a message");

    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count && n_got < SOCK_FDS_MAX; i++)
            memcpy(&got[n_got++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    if (n_got > max_fds || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        close_all(got, n_got);
        return err_set(errp, ERR_PROTOCOL, "a message is too long or carries too many descriptors");
    }
    for (size_t i = 0; i < n_got; i++)
        fds[i] = got[i];
    *out_n_fds = n_got;
    *out_bytes = (size_t)n;
    return true;
}

/* --- TCP --- */

union ip_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool ip_address(const char *ip, uint16_t port, union ip_address *out, socklen_t *out_size,
                       struct err **errp)
{
    *out = (union ip_address){ 0 };
    if (inet_pton(AF_INET, ip, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        *out_size = sizeof(out->v4);
        return true;
    }
    if (inet_pton(AF_INET6, ip, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        *out_size = sizeof(out->v6);
        return true;
    }
    return err_set(errp, ERR_INVALID, "\"%s\" is not an IP address", ip);
}

bool sock_tcp_listen(const char *ip, uint16_t port, int *out_fd, uint16_t *out_port,
                     struct err **errp)
{
    union ip_address addr;
    socklen_t size;
    auto_fd int fd = -1;
    int on = 1;

    if (!ip_address(ip, port, &addr, &size, errp) ||
        !open_socket(addr.any.sa_family, SOCK_STREAM, &fd, errp))
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (addr.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &addr.any, size) < 0 || listen(fd, SOCK_BACKLOG) < 0) {
        if (errno == EADDRINUSE)
            return err_set(errp, ERR_BUSY, "port %u on %s is in use", port, ip);
        return sys_fail(errp, errno, "cannot listen on port %u of %s", port, ip);
    }
    if (getsockname(fd, &addr.any, &size) < 0)
        return sys_fail(errp, errno, "cannot tell the port of a socket");
    if (out_port)
        *out_port = ntohs(addr.any.sa_family == AF_INET ? addr.v4.sin_port : addr.v6.sin6_port);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool sock_tcp_free_port(uint16_t *out_port, struct err **errp)
{
    auto_fd int fd = -1;

    return sock_tcp_listen("127.0.0.1", 0, &fd, out_port, errp);
}

void sock_tcp_no_delay(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool sock_tcp_is_free(const char *ip, uint16_t port)
{
    auto_fd int fd = -1;

    return sock_tcp_listen(ip, port, &fd, NULL, NULL);
}

bool sock_tcp_connect(const char *ip, uint16_t port, int timeout_ms, int *out_fd, struct err **errp)
{
    union ip_address addr;
    socklen_t size = 0, errnum_size = sizeof(int);
    auto_fd int fd = -1;
    int errnum = 0;

    if (!ip_address(ip, port, &addr, &size, errp) ||
        !open_socket(addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, &fd, errp))
        return false;
    if (connect(fd, &addr.any, size) < 0 && errno != EINPROGRESS)
        return sys_fail(errp, errno, "cannot connect to port %u of %s", port, ip);
    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLOUT };
        int n = poll(&ready, 1, timeout_ms);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return err_set(errp, ERR_TIMEOUT, "no answer from port %u of %s", port, ip);
        break;
    }
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &errnum_size);
    if (errnum)
        return sys_fail(errp, errnum, "cannot connect to port %u of %s", port, ip);
    (void)fcntl(fd, F_SETFL, 0); /* blocking again */
    *out_fd = MOVE_FD(fd);
    return true;
}
