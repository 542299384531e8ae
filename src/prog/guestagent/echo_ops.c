#include "prog/guestagent/echo_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/mount_points.h"
#include "prog/guestagent/share_all.h"

enum {
    /* struct file_handle of a FUSE inode: its number in two halves, the higher first, and its
     * generation, which is 0. */
    HANDLE_TYPE = 0x81,
    HANDLE_WORDS = 3,
    TRIES_MAX = 10,
};

static const struct timespec now_both[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
/* Taken for a change of data. */
static const struct timespec now_data[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };

void echo_mounts_drop(struct echo_mounts *mounts, struct sv export)
{
    for (size_t i = 0; i < mounts->list.n; i++) {
        struct echo_mount *mount = &mounts->list.v[i];

        if (!sv_eq_str(export, mount->export))
            continue;
        free(mount->export);
        (void)close(mount->fd);
        vec_remove(&mounts->list, i);
        return;
    }
}

void echo_mounts_done(struct echo_mounts *mounts)
{
    while (mounts->list.n > 0)
        echo_mounts_drop(mounts, sv_of(mounts->list.v[0].export));
    vec_done(&mounts->list);
}

/* The root of the export, borrowed; -1 when it cannot be had. */
static int root_of(struct echo_mounts *mounts, struct sv export)
{
    auto_mem char *name = sv_dup(export);
    int fd;

    for (size_t i = 0; i < mounts->list.n; i++)
        if (str_eq(mounts->list.v[i].export, name))
            return mounts->list.v[i].fd;
    fd = openat(mounts->all_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        log_debug("%s: %s", name, strerror(errno));
        return -1;
    }
    *vec_push(&mounts->list) = (struct echo_mount){ MOVE(name), fd };
    return fd;
}

/* Tells the host that the next change is worked on. */
static void say_next(const struct echo_mounts *mounts)
{
    struct stat st;

    (void)!fstatat(mounts->all_fd, ECHO_NEXT_NAME, &st, 0);
}

/* A directory by the number that the kernel knows it by; no path is walked. */
static int open_dir(int root_fd, uint64_t id)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + HANDLE_WORDS * sizeof(uint32_t)];
    } u = { .handle = { .handle_bytes = HANDLE_WORDS * sizeof(uint32_t),
                        .handle_type = HANDLE_TYPE } };
    const uint32_t words[HANDLE_WORDS] = { (uint32_t)(id >> 32), (uint32_t)id, 0 };
    int fd = -1;

    if (id == 0)
        return openat(root_fd, ECHO_LIMBO_NAME, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    memcpy(u.handle.f_handle, words, sizeof(words));
    /* When the kernel has dropped the name of a directory that is watched, it looks for it anew,
     * and fails if somebody else comes upon it at that moment. */
    for (int i = 0; i < TRIES_MAX && (i == 0 || (fd < 0 && errno == ESTALE)); i++)
        fd = (int)syscall(SYS_open_by_handle_at, root_fd, &u.handle,
                          O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

/* Makes the kernel ask the host about the name, whatever it believes of it. The host never lets
 * this make anything. */
static void look_anew(int dir_fd, const char *name)
{
    (void)mkdirat(dir_fd, name, 0700);
}

static int make(int dir_fd, const char *name, enum echo_kind kind)
{
    switch (kind) {
    case ECHO_DIR:
        return mkdirat(dir_fd, name, 0700);
    case ECHO_LINK:
        return symlinkat("x", dir_fd, name); /* where it leads is asked later */
    case ECHO_FIFO:
        return mknodat(dir_fd, name, S_IFIFO | 0600, 0);
    case ECHO_SOCKET:
        return mknodat(dir_fd, name, S_IFSOCK | 0600, 0);
    default:
        return mknodat(dir_fd, name, S_IFREG | 0600, 0);
    }
}

static int remove_name(int dir_fd, const char *name, enum echo_kind kind)
{
    int flags = kind == ECHO_DIR ? AT_REMOVEDIR : 0;

    /* It may be believed not to be there, or to be something else. */
    for (int i = 0; i < TRIES_MAX; i++) {
        if (unlinkat(dir_fd, name, flags) == 0)
            return 0;
        if (errno != ENOENT && errno != ENOTDIR && errno != EISDIR && errno != ESTALE)
            return -1;
        look_anew(dir_fd, name);
    }
    return -1;
}

static bool is_same_file(int dir_fd, const char *name, int dir2_fd, const char *name2)
{
    struct stat a, b;

    return fstatat(dir_fd, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(dir2_fd, name2, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
           a.st_nlink == 1;
}

/* Of two names one and the same file may be believed, as somebody else has just looked; then
 * nothing moves, and that is no error. */
static int move(int dir_fd, const char *name, int dir2_fd, const char *name2, unsigned flags)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        look_anew(dir_fd, name);
        look_anew(dir2_fd, name2);
        if (syscall(SYS_renameat2, dir_fd, name, dir2_fd, name2, flags) == 0) {
            if (!is_same_file(dir_fd, name, dir2_fd, name2))
                return 0;
        } else if (errno != ENOENT && errno != ESTALE && errno != ENOTDIR && errno != EISDIR &&
                   errno != EIO) {
            return -1;
        }
    }
    return -1;
}

/* The forced question makes the kernel drop the data that it has of the file. */
static int modify(int dir_fd, const char *name)
{
    struct statx stx;

    if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_MTIME, &stx) < 0)
        return -1;
    return utimensat(dir_fd, name, now_data, AT_SYMLINK_NOFOLLOW);
}

static int write_or_close(int dir_fd, const char *name, bool writes)
{
    auto_fd int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -1;
    return writes ? futimens(fd, now_data) : 0;
}

static int change_attrib(int dir_fd, const char *name)
{
    char path[sizeof("/proc/self/fd/") + 12];

    if (*name)
        return utimensat(dir_fd, name, now_both, AT_SYMLINK_NOFOLLOW);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
    return utimensat(AT_FDCWD, path, now_both, 0);
}

static int repeat(const struct echo_msg *msg, int dir_fd, const char *name, int dir2_fd,
                  const char *name2)
{
    switch (msg->type) {
    case ECHO_MAKE:
        return make(dir_fd, name, msg->kind);
    case ECHO_REMOVE:
        return remove_name(dir_fd, name, msg->kind);
    case ECHO_MOVE:
        return move(dir_fd, name, dir2_fd, name2, msg->flags & ECHO_EXCHANGE ? RENAME_EXCHANGE : 0);
    case ECHO_MODIFY:
        return modify(dir_fd, name);
    case ECHO_WRITE:
    case ECHO_CLOSE:
        return write_or_close(dir_fd, name, msg->type == ECHO_WRITE);
    case ECHO_ATTRIB:
        return change_attrib(dir_fd, name);
    default:
        return 0;
    }
}

/* Where the file system of the export begins. */
static char *top_of(const struct echo_mounts *mounts, const struct echo_msg *msg, int root_fd)
{
    struct stat all, root;

    if (fstat(mounts->all_fd, &all) == 0 && fstat(root_fd, &root) == 0 && all.st_dev == root.st_dev)
        return mem_strdup(SHARE_ALL_DIR);
    return mem_printf(SHARE_ALL_DIR "/%.*s", SV_ARG(msg->export));
}

/* The kernel unmounts what is mounted on a directory that is made, moved or removed. */
static bool would_unmount(const struct echo_mounts *mounts, const struct echo_msg *msg, int root_fd,
                          int dir_fd, const char *name)
{
    auto_mem char *top = NULL;

    if (msg->type != ECHO_REMOVE && msg->type != ECHO_MOVE && !(msg->flags & ECHO_KNOWN))
        return false;
    if (msg->kind != ECHO_DIR || msg->dir == 0)
        return false;
    top = top_of(mounts, msg, root_fd);
    return mount_points_below(dir_fd, name, top);
}

void echo_repeat(struct echo_mounts *mounts, const struct echo_msg *msg)
{
    auto_mem char *name = sv_dup(msg->name);
    auto_mem char *name2 = sv_dup(msg->name2);
    int root_fd = root_of(mounts, msg->export), rc;
    auto_fd int dir_fd = -1;
    auto_fd int dir2_fd = -1;

    say_next(mounts);
    if (root_fd < 0)
        return;
    dir_fd = open_dir(root_fd, msg->dir);
    if (msg->type == ECHO_MOVE)
        dir2_fd = open_dir(root_fd, msg->dir2);
    if (dir_fd < 0 || (msg->type == ECHO_MOVE && dir2_fd < 0)) {
        log_debug("%s of %s: no directory: %s", echo_type_name(msg->type), name, strerror(errno));
        return;
    }
    if (would_unmount(mounts, msg, root_fd, dir_fd, name)) {
        log_debug("%s of %s: something is mounted there", echo_type_name(msg->type), name);
        return;
    }
    rc = repeat(msg, dir_fd, name, dir2_fd, name2);
    log_debug("%s of %s: %s", echo_type_name(msg->type), name, rc < 0 ? strerror(errno) : "done");
}
