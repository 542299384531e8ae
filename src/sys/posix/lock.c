#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "sys/sys_priv.h"

static bool lock_open(const char *path, int open_flags, enum lock_wait wait, int *out_fd,
                      struct err **errp)
{
    auto_fd int fd = open(path, open_flags | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | (wait == LOCK_TRY ? LOCK_NB : 0)) < 0) {
        if (errno == EWOULDBLOCK)
            return err_set(errp, ERR_BUSY, "%s is locked by another process", path);
        if (errno == EINTR)
            return err_set(errp, ERR_CANCELED, "interrupted while waiting for the lock of %s", path);
        return sys_fail(errp, errno, "cannot lock %s", path);
    }
    *out_fd = MOVE_FD(fd);
    return true;
}

bool lock_dir(const char *path, enum lock_wait wait, int *out_fd, struct err **errp)
{
    return lock_open(path, O_RDONLY | O_DIRECTORY, wait, out_fd, errp);
}

bool lock_file(const char *path, enum lock_wait wait, int *out_fd, struct err **errp)
{
    return lock_open(path, O_RDWR | O_CREAT, wait, out_fd, errp);
}
