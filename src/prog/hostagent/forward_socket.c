#include "prog/hostagent/forward_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sock.h"

enum { BACKLOG = 1024, SOCKET_DIR_MODE = 0750, UNPRIVILEGED_START = 1024 };

static socklen_t ip_sockaddr(const struct forward_end *end, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(end->port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(end->port) };

    *out = (struct sockaddr_storage){ 0 };
    if (end->ip.n == 4) {
        memcpy(&v4.sin_addr, end->ip.bytes, 4);
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    memcpy(&v6.sin6_addr, end->ip.bytes, 16);
    memcpy(out, &v6, sizeof(v6));
    return sizeof(v6);
}

static bool open_socket(int family, enum forward_proto proto, int *out_fd, struct err **errp)
{
    int type = proto == FORWARD_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot create a socket");
    *out_fd = fd;
    return true;
}

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_options(int fd, enum forward_proto proto, const struct forward_end *end)
{
    bool is_v6 = end->ip.n == 16;

    if (proto != FORWARD_UDP) /* a UDP port could be taken away from another program */
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_v6) /* "::" means every address, of both families, as for Go's listeners */
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !ip_address_is_unspecified(&end->ip));
    if (proto == FORWARD_UDP && ip_address_is_unspecified(&end->ip)) {
        /* Answers must leave from the address that the client spoke to. */
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
        if (is_v6)
            set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    }
}

static bool listen_ip(enum forward_proto proto, const struct forward_end *end, int *out_fd,
                      struct err **errp)
{
    struct sockaddr_storage address;
    socklen_t size = ip_sockaddr(end, &address);
    auto_mem char *text = forward_end_text(end);
    auto_fd int fd = -1;

    if (!open_socket(address.ss_family, proto, &fd, errp))
        return false;
    set_options(fd, proto, end);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
        (proto != FORWARD_UDP && listen(fd, BACKLOG) < 0)) {
        if (errno == EADDRINUSE)
            return err_set(errp, ERR_BUSY, "%s of the host is in use", text);
        return err_set_os(errp, errno, "cannot listen on %s of the host", text);
    }
    *out_fd = MOVE_FD(fd);
    return true;
}

bool forward_socket_make_dir(const char *path, struct err **errp)
{
    auto_mem char *dir = path_dir(path);

    return dir_exists(dir) || dir_make_all(dir, SOCKET_DIR_MODE, errp);
}

static bool listen_unix(const char *path, int *out_fd, struct err **errp)
{
    auto_fd int fd = -1;

    if (!forward_socket_make_dir(path, errp) || !sock_unix_listen(path, SOCK_STREAM, &fd, errp))
        return false;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return err_set_os(errp, errno, "cannot use the socket %s", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool forward_socket_listen(enum forward_proto proto, const struct forward_end *end, int *out_fd,
                           struct err **errp)
{
    return end->path ? listen_unix(end->path, out_fd, errp) : listen_ip(proto, end, out_fd, errp);
}

static bool dial_unix(const char *path, int *out_fd, struct err **errp)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    auto_fd int fd = -1;

    if (strlen(path) > SOCK_PATH_MAX)
        return err_set(errp, ERR_INVALID, "the path of the socket %s is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    if (!open_socket(AF_UNIX, FORWARD_UNIX, &fd, errp))
        return false;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return err_set_os(errp, errno, "cannot connect to %s of the host", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool forward_socket_dial(enum forward_proto proto, const struct forward_end *end, int *out_fd,
                         struct err **errp)
{
    struct sockaddr_storage address;
    auto_mem char *text = NULL;
    auto_fd int fd = -1;
    socklen_t size;

    if (end->path)
        return dial_unix(end->path, out_fd, errp);
    size = ip_sockaddr(end, &address);
    text = forward_end_text(end);
    if (!open_socket(address.ss_family, proto, &fd, errp))
        return false;
    if (connect(fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS)
        return err_set_os(errp, errno, "cannot connect to %s of the host", text);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool forward_socket_finish(int fd, struct err **errp)
{
    socklen_t size = sizeof(int);
    int error = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    return error == 0 || err_set_os(errp, error, "cannot connect");
}

char *forward_socket_peer(const struct sockaddr_storage *address)
{
    auto_sb struct sb text = { 0 };
    struct ip_address ip;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        if (ip_address_from_bytes((struct sv){ (const char *)&v4.sin_addr, 4 }, &ip))
            ip_address_put(&text, &ip, ntohs(v4.sin_port));
    } else if (address->ss_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        if (ip_address_from_bytes((struct sv){ (const char *)&v6.sin6_addr, 16 }, &ip))
            ip_address_put(&text, &ip, ntohs(v6.sin6_port));
    } else {
        sb_puts(&text, "unix");
    }
    return sb_steal(&text);
}

char *forward_socket_permit(uint16_t port, unsigned unprivileged_start)
{
    if (port >= unprivileged_start)
        return NULL;
    return mem_printf("sudo sysctl net.ipv4.ip_unprivileged_port_start=%u", port);
}

unsigned forward_socket_unprivileged_start(void)
{
    auto_mem char *text = NULL;
    uint32_t start;

    if (file_read_text("/proc/sys/net/ipv4/ip_unprivileged_port_start", 32, &text, NULL) &&
        parse_u32(sv_trim(sv_of(text)), &start))
        return start;
    return UNPRIVILEGED_START;
}
