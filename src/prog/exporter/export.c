#include "prog/exporter/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

bool export_make(const char *path, bool read_only, int *out_fd, struct err **errp)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0),
        .propagation = MS_PRIVATE,
    };
    auto_fd int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    struct stat st;

    if (fd < 0 && errno == ENOSYS)
        return err_set(errp, ERR_UNSUPPORTED, "sharing folders needs Linux 5.12 on the host");
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot share %s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set_os(errp, ENOTDIR, "cannot share %s", path);
    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0) {
        if (errno == ENOSYS)
            return err_set(errp, ERR_UNSUPPORTED, "sharing folders needs Linux 5.12 on the host");
        return err_set_os(errp, errno, "cannot restrict the mount of %s", path);
    }
    *out_fd = MOVE_FD(fd);
    return true;
}
