#include "sys/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/sys_priv.h"

/* Deeper trees are refused: each level holds a descriptor while it is being removed. */
enum { TREE_DEPTH_MAX = 200 };

bool dir_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool dir_make(const char *path, mode_t mode, struct err **errp)
{
    if (mkdir(path, mode) < 0)
        return sys_fail(errp, errno, "cannot create the directory %s", path);
    return true;
}

bool dir_make_all(const char *path, mode_t mode, struct err **errp)
{
    auto_mem char *parent = NULL;

    if (mkdir(path, mode) == 0)
        return true;
    if (errno == EEXIST && dir_exists(path))
        return true;
    if (errno != ENOENT)
        return sys_fail(errp, errno, "cannot create the directory %s", path);

    parent = path_dir(path);
    if (strcmp(parent, path) == 0)
        return sys_fail(errp, ENOENT, "cannot create the directory %s", path);
    if (!dir_make_all(parent, mode, errp))
        return false;
    if (mkdir(path, mode) < 0 && !(errno == EEXIST && dir_exists(path)))
        return sys_fail(errp, errno, "cannot create the directory %s", path);
    return true;
}

bool dir_open(const char *path, int *out_fd, struct err **errp)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot open the directory %s", path);
    *out_fd = fd;
    return true;
}

/* Names in the directory of fd, which stays open. */
static bool dir_names(int fd, const char *path, struct strv *out, struct err **errp)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    int errnum;

    if (!stream) {
        errnum = errno;
        if (copy >= 0)
            (void)close(copy);
        return sys_fail(errp, errnum, "cannot list %s", path);
    }
    rewinddir(stream); /* the copy shares its position */
    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(stream);
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strv_push(out, entry->d_name);
    }
    errnum = errno;
    (void)closedir(stream);
    if (errnum)
        return sys_fail(errp, errnum, "cannot list %s", path);
    return true;
}

bool dir_list(const char *path, struct strv *out, struct err **errp)
{
    auto_fd int fd = -1;
    auto_strv struct strv names = { 0 };

    if (!dir_open(path, &fd, errp) || !dir_names(fd, path, &names, errp))
        return false;
    strv_sort(&names);
    strv_extend(out, &names);
    return true;
}

static bool remove_entry(int parent_fd, const char *name, const char *path, unsigned depth,
                         struct err **errp);

static bool remove_children(int fd, const char *path, unsigned depth, struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (!dir_names(fd, path, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *child = path_join(path, names.v[i]);

        if (!remove_entry(fd, names.v[i], child, depth, errp))
            return false;
    }
    return true;
}

static bool remove_entry(int parent_fd, const char *name, const char *path, unsigned depth,
                         struct err **errp)
{
    auto_fd int fd = -1;

    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return sys_fail(errp, errno, "cannot remove %s", path);
    if (depth == 0)
        return err_set(errp, ERR_INVALID, "cannot remove %s: too many levels of directories", path);

    fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        /* Ours, but without the right to list it. */
        if (fchmodat(parent_fd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
            fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0)
        return sys_fail(errp, errno == ENOTDIR ? EPERM : errno, "cannot remove %s", path);
    if (!remove_children(fd, path, depth - 1, errp))
        return false;
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return sys_fail(errp, errno, "cannot remove %s", path);
    return true;
}

bool dir_remove_tree(const char *path, struct err **errp)
{
    return remove_entry(AT_FDCWD, path, path, TREE_DEPTH_MAX, errp);
}

bool dir_sync(const char *path, struct err **errp)
{
    auto_fd int fd = -1;

    if (!dir_open(path, &fd, errp))
        return false;
    if (fsync(fd) < 0 && errno != EINVAL) /* not every file system can */
        return sys_fail(errp, errno, "cannot sync %s", path);
    return true;
}

bool dir_make_temp(const char *prefix, char **out_path, struct err **errp)
{
    auto_mem char *path = mem_printf("%sXXXXXX", prefix);

    if (!mkdtemp(path))
        return sys_fail(errp, errno, "cannot create a directory %s", path);
    *out_path = MOVE(path);
    return true;
}
