#include "sys/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/sys_priv.h"

bool dir_open_beneath(int dir_fd, const char *name, int flags, mode_t mode, int *out_fd,
                      struct err **errp)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd;

    do
        fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* EAGAIN: a rename was in the way */
    if (fd < 0)
        return sys_fail(errp, errno, "cannot open %s", name);
    *out_fd = (int)fd;
    return true;
}
