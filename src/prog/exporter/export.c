#include "prog/exporter/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/exporter.h"

/* Where a directory is put together that has nothing but the file: one that exists, and that nobody
 * needs any more. */
#define HOLDER "/proc"

static bool fail_old_kernel(struct err **errp)
{
    return err_set(errp, ERR_UNSUPPORTED, "sharing folders needs Linux 5.12 on the host");
}

static int clone_tree(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static bool restrict_tree(int fd, const char *path, bool read_only, struct err **errp)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0),
        .propagation = MS_PRIVATE,
    };

    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0)
        return true;
    return errno == ENOSYS ? fail_old_kernel(errp)
                           : err_set_os(errp, errno, "cannot restrict the mount of %s", path);
}

/* A descriptor of a file alone cannot be opened for reading later, without /proc: so the file comes
 * in a directory, which is read-only whatever the file is. */
static int hold_file(int file_fd)
{
    const char *const name = HOLDER "/" EXPORTER_FILE_NAME;

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", HOLDER, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=0755") < 0 ||
        mknod(name, S_IFREG | 0600, 0) < 0 ||
        move_mount(file_fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
        mount(NULL, HOLDER, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return -1;
    return clone_tree(HOLDER);
}

static bool make(const char *path, bool read_only, bool can_be_file, int *out_fd, struct err **errp)
{
    auto_fd int fd = clone_tree(path);
    struct stat st;

    if (fd < 0 && errno == ENOSYS)
        return fail_old_kernel(errp);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot share %s", path);
    if (!S_ISDIR(st.st_mode) && !(can_be_file && S_ISREG(st.st_mode)))
        return err_set_os(errp, ENOTDIR, "cannot share %s", path);
    if (!restrict_tree(fd, path, read_only, errp))
        return false;
    *out_fd = S_ISDIR(st.st_mode) ? MOVE_FD(fd) : hold_file(fd);
    return *out_fd >= 0 || err_set_os(errp, errno, "cannot share the file %s", path);
}

bool export_folder(const char *path, bool read_only, int *out_fd, struct err **errp)
{
    return make(path, read_only, false, out_fd, errp);
}

bool export_folder_or_file(const char *path, bool read_only, int *out_fd, struct err **errp)
{
    return make(path, read_only, true, out_fd, errp);
}
