#include "prog/guestagent/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/file.h"

static bool fail(struct err **errp, const char *what, const char *path)
{
    if (errno == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "cannot %s %s: it does not exist", what, path);
    return err_set_os(errp, errno, "cannot %s %s", what, path);
}

/* -1 and errno on failure. */
static int open_in(int root_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
                            .mode = flags & O_CREAT ? mode : 0,
                            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

    long fd;

    do
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* EAGAIN: a rename or a mount was in the way */
    return (int)fd;
}

bool root_open(struct root *root, const char *path, struct err **errp)
{
    *root = ROOT_NONE;
    root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root->fd >= 0 || fail(errp, "open", path);
}

static void forget(struct root_staged *staged)
{
    (void)close(staged->dir_fd);
    free(staged->temp_name);
    free(staged->name);
}

void root_done(struct root *root)
{
    for (size_t i = 0; i < root->staged.n; i++) {
        (void)unlinkat(root->staged.v[i].dir_fd, root->staged.v[i].temp_name, 0);
        forget(&root->staged.v[i]);
    }
    vec_done(&root->staged);
    if (root->fd >= 0)
        (void)close(root->fd);
    *root = ROOT_NONE;
}

bool root_has(const struct root *root, const char *path)
{
    auto_fd int fd = open_in(root->fd, path, O_PATH, 0);

    return fd >= 0;
}

bool root_open_file(const struct root *root, const char *path, int flags, int *out_fd,
                    struct err **errp)
{
    int fd = open_in(root->fd, path, flags, 0);

    if (fd < 0)
        return fail(errp, "open", path);
    *out_fd = fd;
    return true;
}

bool root_read(const struct root *root, const char *path, size_t limit, struct sb *out,
               struct err **errp)
{
    auto_fd int fd = -1;

    return root_open_file(root, path, O_RDONLY | O_NOCTTY, &fd, errp) &&
           file_read_fd(fd, path, limit, out, errp);
}

/* The directory that holds path; *out_name is the last component. */
static bool open_parent(const struct root *root, const char *path, int *out_fd,
                        const char **out_name, struct err **errp)
{
    auto_mem char *dir = path_dir(path);
    int fd = open_in(root->fd, dir, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return fail(errp, "open", dir);
    *out_fd = fd;
    *out_name = path_base(path);
    return true;
}

bool root_make_dir(const struct root *root, const char *path, mode_t mode, struct err **errp)
{
    auto_mem char *dir = path_dir(path);
    auto_fd int parent_fd = -1;
    const char *name = NULL;

    if (root_has(root, path))
        return true;
    if (!root_make_dir(root, dir, 0755, errp) || !open_parent(root, path, &parent_fd, &name, errp))
        return false;
    if (mkdirat(parent_fd, name, mode) < 0 && errno != EEXIST)
        return fail(errp, "create", path);
    if (fchmodat(parent_fd, name, mode, 0) < 0) /* whatever the umask */
        return fail(errp, "set the mode of", path);
    return true;
}

static bool is_same_file(int dir_fd, const char *name, struct sv bytes, struct root_attr attr)
{
    auto_fd int fd =
        openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    auto_sb struct sb old = { 0 };
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & 07777) == attr.mode && st.st_uid == attr.uid && st.st_gid == attr.gid &&
           (size_t)st.st_size == bytes.n && file_read_fd(fd, name, bytes.n, &old, NULL) &&
           sv_eq(sb_view(&old), bytes);
}

/* Remembers a file that lies ready under its temporary name. */
static bool stage(struct root *root, int dir_fd, const char *temp_name, const char *name,
                  struct err **errp)
{
    int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot keep the directory of %s", name);
    *vec_push(&root->staged) = (struct root_staged){ .dir_fd = fd,
                                                     .name = mem_strdup(name),
                                                     .temp_name = mem_strdup(temp_name) };
    return true;
}

/* Hidden, and ignored by programs that read all files of a directory (sudo, systemd, run-parts).
 * The name is always the same, so a crash leaves at most one. */
static char *temp_name_of(int dir_fd, const char *name)
{
    char *temp_name = mem_printf(".%s.lima-new", name);

    (void)unlinkat(dir_fd, temp_name, 0);
    return temp_name;
}

bool root_put_at(struct root *root, int dir_fd, const char *name, struct sv bytes,
                 struct root_attr attr, struct err **errp)
{
    if (is_same_file(dir_fd, name, bytes, attr))
        return true;

    auto_mem char *temp_name = temp_name_of(dir_fd, name);
    auto_fd int fd =
        openat(dir_fd, temp_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(errp, "create", name);
    if (!file_write_fd(fd, name, bytes, errp))
        goto undo_create;
    if (fchown(fd, attr.uid, attr.gid) < 0 || fchmod(fd, attr.mode) < 0) {
        fail(errp, "set the owner of", name);
        goto undo_create;
    }
    if (stage(root, dir_fd, temp_name, name, errp))
        return true;

undo_create:
    (void)unlinkat(dir_fd, temp_name, 0);
    return false;
}

bool root_put(struct root *root, const char *path, struct sv bytes, struct root_attr attr,
              struct err **errp)
{
    auto_fd int dir_fd = -1;
    const char *name = NULL;

    return open_parent(root, path, &dir_fd, &name, errp) &&
           (root_put_at(root, dir_fd, name, bytes, attr, errp) || err_wrap(errp, "%s", path));
}

bool root_put_link(struct root *root, const char *path, const char *target, struct err **errp)
{
    auto_fd int dir_fd = -1;
    const char *name = NULL;
    char old[PATH_MAX];
    ssize_t n;

    if (!open_parent(root, path, &dir_fd, &name, errp))
        return false;
    n = readlinkat(dir_fd, name, old, sizeof(old));
    if (n > 0 && sv_eq_str((struct sv){ old, (size_t)n }, target))
        return true;

    auto_mem char *temp_name = temp_name_of(dir_fd, name);

    if (symlinkat(target, dir_fd, temp_name) < 0)
        return fail(errp, "create", path);
    if (stage(root, dir_fd, temp_name, name, errp))
        return true;
    (void)unlinkat(dir_fd, temp_name, 0);
    return false;
}

bool root_remove(const struct root *root, const char *path, struct err **errp)
{
    auto_fd int dir_fd = -1;
    const char *name;

    if (!open_parent(root, path, &dir_fd, &name, errp))
        return false;
    return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT || fail(errp, "remove", path);
}

/* The bytes of every file must be on the disk before a name leads to them. */
static bool sync_staged(const struct root *root, struct err **errp)
{
    dev_t synced = 0;

    for (size_t i = 0; i < root->staged.n; i++) {
        struct stat st;

        if (fstat(root->staged.v[i].dir_fd, &st) < 0 ||
            (st.st_dev != synced && syncfs(root->staged.v[i].dir_fd) < 0))
            return err_set_os(errp, errno, "cannot write %s", root->staged.v[i].name);
        synced = st.st_dev;
    }
    return true;
}

bool root_commit(struct root *root, struct err **errp)
{
    size_t n = 0;

    if (!sync_staged(root, errp))
        return false;
    while (n < root->staged.n) {
        struct root_staged *staged = &root->staged.v[n];

        if (renameat(staged->dir_fd, staged->temp_name, staged->dir_fd, staged->name) < 0) {
            fail(errp, "replace", staged->name);
            break;
        }
        forget(staged);
        n++;
    }

    bool ok = n == root->staged.n;

    while (n-- > 0)
        vec_remove(&root->staged, 0);
    return ok;
}
