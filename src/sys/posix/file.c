#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/sys_priv.h"
#include "sys/temp_priv.h"

bool file_read_fd(int fd, const char *name, size_t limit, struct sb *out, struct err **errp)
{
    size_t total = 0;

    for (;;) {
        char *room = sb_reserve(out, 16384);
        ssize_t n;

        if (!room)
            return err_set(errp, ERR_INVALID, "%s is too large", name);
        n = read(fd, room, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_fail(errp, errno, "cannot read %s", name);
        if (n == 0)
            return true;
        total += (size_t)n;
        if (total > limit)
            return err_set(errp, ERR_INVALID, "%s is larger than %zu bytes", name, limit);
        sb_commit(out, (size_t)n);
    }
}

bool file_read_all(const char *path, size_t limit, struct sb *out, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return sys_fail(errp, errno, "cannot open %s", path);
    return file_read_fd(fd, path, limit, out, errp);
}

bool file_read_text(const char *path, size_t limit, char **out_text, struct err **errp)
{
    auto_sb struct sb text = { 0 };

    if (!file_read_all(path, limit, &text, errp))
        return false;
    if (text.n && memchr(text.p, '\0', text.n))
        return err_set(errp, ERR_INVALID, "%s is not a text file: it contains a NUL byte", path);
    *out_text = sb_steal(&text);
    return true;
}

bool file_read_at(int fd, const char *name, uint64_t offset, void *out, size_t size,
                  struct err **errp)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, (char *)out + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_fail(errp, errno, "cannot read %s", name);
        if (n == 0)
            return err_set(errp, ERR_INVALID, "%s is truncated", name);
        done += (size_t)n;
    }
    return true;
}

bool file_write_fd(int fd, const char *name, struct sv bytes, struct err **errp)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_fail(errp, errno, "cannot write %s", name);
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return true;
}

/* The last steps of replacing a file: the descriptor's content becomes path. */
static bool temp_commit(struct temp *temp, const char *path, mode_t mode, struct err **errp)
{
    if (fchmod(temp->fd, mode) < 0)
        return sys_fail(errp, errno, "cannot set the mode of %s", temp->path);
    if (fsync(temp->fd) < 0)
        return sys_fail(errp, errno, "cannot write %s", path);
    if (rename(temp->path, path) < 0)
        return sys_fail(errp, errno, "cannot rename %s to %s", temp->path, path);
    mem_replace(&temp->path, NULL);
    return true;
}

bool file_write_atomic(const char *path, struct sv bytes, mode_t mode, struct err **errp)
{
    auto_temp struct temp temp = TEMP_NONE;

    return temp_open(&temp, path, errp) && file_write_fd(temp.fd, path, bytes, errp) &&
           temp_commit(&temp, path, mode, errp);
}

bool file_absolute(const char *path, char **out_path, struct err **errp)
{
    auto_mem char *here = NULL, *joined = NULL;

    if (path_is_absolute(path)) {
        *out_path = path_clean(path);
        return true;
    }
    here = getcwd(NULL, 0);
    if (!here)
        return err_set_os(errp, errno, "cannot find the current directory");
    joined = path_join(here, path);
    *out_path = path_clean(joined);
    return true;
}

bool file_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

bool file_is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool file_identify(const char *path, struct file_id *out, struct err **errp)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return sys_fail(errp, errno, "cannot inspect %s", path);
    *out = (struct file_id){ .device = st.st_dev, .inode = st.st_ino };
    return true;
}

bool file_id_eq(const struct file_id *a, const struct file_id *b)
{
    return a->device == b->device && a->inode == b->inode;
}

bool file_size(const char *path, uint64_t *out_size, struct err **errp)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return sys_fail(errp, errno, "cannot inspect %s", path);
    *out_size = (uint64_t)st.st_size;
    return true;
}

bool file_remove(const char *path, struct err **errp)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return sys_fail(errp, errno, "cannot remove %s", path);
    return true;
}

bool file_rename(const char *from, const char *to, struct err **errp)
{
    if (rename(from, to) < 0)
        return sys_fail(errp, errno, "cannot rename %s to %s", from, to);
    return true;
}

bool file_copy_fd(int from_fd, const char *from, const char *to, mode_t mode, struct err **errp)
{
    auto_temp struct temp temp = TEMP_NONE;

    if (!temp_open(&temp, to, errp))
        return false;
    if (!file_clone(from_fd, from, temp.fd, to, errp))
        return err_wrap(errp, "copying %s", from);
    return temp_commit(&temp, to, mode, errp);
}

bool file_copy(const char *from, const char *to, mode_t mode, struct err **errp)
{
    auto_fd int from_fd = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (from_fd < 0)
        return sys_fail(errp, errno, "cannot open %s", from);
    return file_copy_fd(from_fd, from, to, mode, errp);
}
