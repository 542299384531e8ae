#include "prog/privileged/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/sock.h"

static bool open_private_dir(const char *path, const struct caller *caller, int *out_fd,
                             struct err **errp)
{
    auto_fd int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    if (st.st_uid != caller->uid || (st.st_mode & (S_IRWXG | S_IRWXO)))
        return err_set(errp, ERR_INVALID, "the socket's directory %s is not the caller's alone",
                       path);
    *out_fd = MOVE_FD(fd);
    return true;
}

/* From inside the directory: it is the one that was looked at. */
static bool connect_in(int dir_fd, const char *name, int *out_fd, struct err **errp)
{
    if (fchdir(dir_fd) < 0)
        return err_set_os(errp, errno, "cannot enter the socket's directory");
    return sock_unix_connect(name, SOCK_STREAM, out_fd, errp);
}

bool handover_connect(const struct privileged_request *request, const struct caller *caller,
                      int *out_fd, struct err **errp)
{
    auto_mem char *path = sv_dup(request->socket_path);
    auto_mem char *dir = path_dir(path);
    auto_fd int dir_fd = -1, fd = -1;
    uid_t uid = (uid_t)-1;
    bool ok;

    /* Paths are walked with the caller's rights, while the socket's other end still sees root. */
    (void)setfsgid(caller->gid);
    (void)setfsuid(caller->uid);
    ok = open_private_dir(dir, caller, &dir_fd, errp) &&
         (connect_in(dir_fd, path_base(path), &fd, errp) || err_wrap(errp, "the socket %s", path));
    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
    if (!ok || !sock_peer(fd, &uid, NULL, errp))
        return false;
    if (uid != caller->uid)
        return err_set(errp, ERR_INVALID, "the socket %s is not the caller's", path);
    *out_fd = MOVE_FD(fd);
    return true;
}

bool handover_send(int socket_fd, const struct privileged_request *request, int fd,
                   struct err **errp)
{
    return sock_send_fds(socket_fd, request->nonce.p, request->nonce.n, &fd, 1, errp);
}
