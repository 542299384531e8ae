#include "sys/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/dir.h"
#include "sys/sys_priv.h"

int beneath_open(int dir_fd, const char *name, int flags, mode_t mode, unsigned how)
{
    const bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how args = {
        .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
        .mode = makes ? mode & 07777 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                   (how & BENEATH_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0) |
                   (how & BENEATH_ONE_MOUNT ? RESOLVE_NO_XDEV : 0),
    };
    long fd;

    do
        fd = syscall(SYS_openat2, dir_fd, name, &args, sizeof(args));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* EAGAIN: a rename was in the way */
    return fd < 0 ? -errno : (int)fd;
}

bool dir_open_beneath(int dir_fd, const char *name, int flags, mode_t mode, int *out_fd,
                      struct err **errp)
{
    int fd = beneath_open(dir_fd, name, flags, mode, BENEATH_ONE_MOUNT);

    if (fd < 0)
        return sys_fail(errp, -fd, "cannot open %s", name);
    *out_fd = fd;
    return true;
}
