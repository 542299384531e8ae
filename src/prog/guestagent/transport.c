#include "prog/guestagent/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
/* after sys/socket.h, whose types it uses */
#include <linux/vm_sockets.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sock.h"

enum { PORT_NAME_MAX = 256, LISTEN_BACKLOG = 4096 };

static bool refuse_vsock(int errnum, struct err **errp)
{
    if (errnum == EAFNOSUPPORT || errnum == EPROTONOSUPPORT)
        return err_set(errp, ERR_UNSUPPORTED, "the kernel of this guest has no vsock");
    if (errnum == ENODEV || errnum == EHOSTUNREACH || errnum == ENETUNREACH)
        return err_set(errp, ERR_NOT_FOUND, "this guest has no vsock device");
    return err_set_os(errp, errnum, "cannot connect to the host over vsock");
}

bool transport_vsock(uint32_t port, int *out_fd, struct err **errp)
{
    struct sockaddr_vm host = { .svm_family = AF_VSOCK,
                                .svm_cid = VMADDR_CID_HOST,
                                .svm_port = port };
    auto_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return refuse_vsock(errno, errp);
    if (connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0 && errno != EINPROGRESS)
        return refuse_vsock(errno, errp);
    *out_fd = MOVE_FD(fd);
    return true;
}

/* Ports that only root can bind, the highest first. */
static bool bind_below(int fd, uint32_t peer_port_end)
{
    for (uint32_t port = peer_port_end - 1; port > 0; port--) {
        const struct sockaddr_vm own = { .svm_family = AF_VSOCK,
                                         .svm_cid = VMADDR_CID_ANY,
                                         .svm_port = port };

        if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0)
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

bool transport_vsock_as_root(uint32_t port, uint32_t peer_port_end, int *out_fd, struct err **errp)
{
    const struct sockaddr_vm host = { .svm_family = AF_VSOCK,
                                      .svm_cid = VMADDR_CID_HOST,
                                      .svm_port = port };
    auto_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !bind_below(fd, peer_port_end) ||
        connect(fd, (const struct sockaddr *)&host, sizeof(host)) < 0)
        return refuse_vsock(errno, errp);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool transport_finish(int fd, struct err **errp)
{
    int errnum = 0;
    socklen_t len = sizeof(errnum);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        errnum = errno;
    return !errnum || refuse_vsock(errnum, errp);
}

bool transport_vsock_listen(uint32_t port, int *out_fd, struct err **errp)
{
    struct sockaddr_vm any = { .svm_family = AF_VSOCK,
                               .svm_cid = VMADDR_CID_ANY,
                               .svm_port = port };
    auto_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0)
        return err_set_os(errp, errno, "cannot listen on vsock port %u", port);
    *out_fd = MOVE_FD(fd);
    return true;
}

/* The device file of a port; without udev only sysfs knows its name. NULL = none; owned. */
static char *find_virtio_port(const char *name)
{
    auto_strv struct strv ports = { 0 };

    if (!dir_list("/sys/class/virtio-ports", &ports, NULL))
        return NULL;
    for (size_t i = 0; i < ports.n; i++) {
        auto_mem char *path = mem_printf("/sys/class/virtio-ports/%s/name", ports.v[i]);
        auto_sb struct sb text = { 0 };

        if (file_read_all(path, PORT_NAME_MAX, &text, NULL) &&
            sv_eq_str(sv_trim(sb_view(&text)), name))
            return path_join("/dev", ports.v[i]);
    }
    return NULL;
}

bool transport_virtio(const char *name, int *out_fd, struct err **errp)
{
    auto_mem char *path = find_virtio_port(name);
    int fd;

    if (!path)
        return err_set(errp, ERR_NOT_FOUND, "there is no virtio-serial port %s", name);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == EBUSY)
        return err_set(errp, ERR_BUSY, "%s is in use", path);
    if (fd < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    *out_fd = fd;
    return true;
}

bool transport_unix(const char *path, uid_t owner, int *out_fd, struct err **errp)
{
    auto_fd int fd = -1;

    if (!sock_unix_listen(path, SOCK_STREAM, &fd, errp))
        return false;
    if (owner != (uid_t)-1 && chown(path, owner, (gid_t)-1) < 0)
        return err_set_os(errp, errno, "cannot give %s to user %u", path, owner);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return err_set_os(errp, errno, "cannot listen on %s", path);
    *out_fd = MOVE_FD(fd);
    return true;
}
