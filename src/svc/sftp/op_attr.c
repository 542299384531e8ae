/* Attributes of files, and of their file system. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "svc/sftp/sftp_priv.h"

/* Since Linux 6.6, with one number everywhere; older headers lack it. */
#define NR_FCHMODAT2 452

mode_t sftp_host_mode(mode_t mode, bool is_dir)
{
    return mode & (is_dir ? 07777 : 01777);
}

static uint32_t wire_time(time_t t)
{
    return t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

void sftp_attrs_of(const struct stat *st, struct sftp_attrs *out)
{
    *out = (struct sftp_attrs){
        .flags = SFTP_HAS_SIZE | SFTP_HAS_IDS | SFTP_HAS_MODE | SFTP_HAS_TIMES,
        .size = (uint64_t)st->st_size,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mode = st->st_mode,
        .atime = wire_time(st->st_atime),
        .mtime = wire_time(st->st_mtime),
    };
}

static int reply_attrs(struct sftp_call *call, int fd)
{
    struct sftp_attrs attrs;
    struct stat st;
    size_t begun;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    sftp_attrs_of(&st, &attrs);
    begun = sftp_begin(call->out, SFTP_REPLY_ATTRS, call->req->id);
    sftp_put_attrs(call->out, &attrs);
    sftp_end(call->out, begun);
    return 0;
}

int sftp_do_lstat(struct sftp_call *call)
{
    auto_fd int fd = sftp_open_node(call->server, call->req->path, false);

    return reply_attrs(call, fd);
}

int sftp_do_stat(struct sftp_call *call)
{
    auto_fd int fd = sftp_open_node(call->server, call->req->path, true);

    return reply_attrs(call, fd);
}

int sftp_do_fstat(struct sftp_call *call)
{
    return reply_attrs(call, sftp_handle_fd(call));
}

/* ---- changing ---- */

/* Where kernels cannot change the mode of an O_PATH descriptor. */
static int change_mode_by_name(struct sftp_call *call, mode_t mode)
{
    auto_sftp_place struct sftp_place place = SFTP_PLACE_NONE;
    auto_fd int fd = sftp_open(call->server, call->req->path, O_RDONLY, 0);
    int rc;

    if (fd >= 0)
        return fchmod(fd, mode) < 0 ? -errno : 0;
    if (fd != -EACCES && fd != -ENXIO)
        return fd;
    rc = sftp_place_find(call->server, call->req->path, &place);
    if (rc < 0)
        return rc;
    /* Not readable. Should the name have become a link, it is followed in a root that has nothing
     * but the folder. */
    return fchmodat(place.dir_fd, place.name, mode, 0) < 0 ? -errno : 0;
}

static int change_mode(struct sftp_call *call, int fd, const struct stat *st, bool is_node)
{
    mode_t mode = sftp_host_mode(call->req->attrs.mode, S_ISDIR(st->st_mode));

    if (S_ISLNK(st->st_mode))
        return -EOPNOTSUPP;
    if (!is_node)
        return fchmod(fd, mode) < 0 ? -errno : 0;
    if (syscall(NR_FCHMODAT2, fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    /* EPERM: a system call filter of another program that does not know the call */
    return errno == ENOSYS || errno == EPERM ? change_mode_by_name(call, mode) : -errno;
}

static int change_size(struct sftp_call *call, int fd, const struct stat *st, bool is_node)
{
    auto_fd int own = -1;

    if (!S_ISREG(st->st_mode))
        return -EINVAL;
    if (call->req->attrs.size > INT64_MAX)
        return -EFBIG;
    if (is_node)
        fd = own = sftp_open(call->server, call->req->path, O_WRONLY, 0);
    if (fd < 0)
        return fd;
    return ftruncate(fd, (off_t)call->req->attrs.size) < 0 ? -errno : 0;
}

/* is_node: the descriptor is from O_PATH. */
static int change(struct sftp_call *call, int fd, bool is_node)
{
    const struct sftp_attrs *attrs = &call->req->attrs;
    const struct timespec times[2] = { { .tv_sec = attrs->atime }, { .tv_sec = attrs->mtime } };
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (attrs->flags & SFTP_HAS_SIZE)
        rc = change_size(call, fd, &st, is_node);
    if (rc == 0 && attrs->flags & SFTP_HAS_MODE)
        rc = change_mode(call, fd, &st, is_node);
    if (rc == 0 && attrs->flags & SFTP_HAS_TIMES && utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
        rc = -errno;
    if (rc == 0 && attrs->flags & SFTP_HAS_IDS &&
        (attrs->uid != st.st_uid || attrs->gid != st.st_gid) &&
        fchownat(fd, "", attrs->uid, attrs->gid, AT_EMPTY_PATH) < 0)
        rc = errno == EINVAL ? -EPERM : -errno; /* EINVAL: an id that this process cannot give */
    return rc;
}

int sftp_do_setstat(struct sftp_call *call)
{
    auto_fd int fd = sftp_open_node(call->server, call->req->path, call->req->op == SFTP_SETSTAT);

    return change(call, fd, true);
}

int sftp_do_fsetstat(struct sftp_call *call)
{
    return change(call, sftp_handle_fd(call), false);
}

/* ---- the file system ---- */

static int reply_statvfs(struct sftp_call *call, int fd)
{
    enum { READ_ONLY = 1, NO_SETUID = 2 };
    struct statvfs vfs;
    size_t begun;

    if (fd < 0)
        return fd;
    if (fstatvfs(fd, &vfs) < 0)
        return -errno;
    begun = sftp_begin(call->out, SFTP_REPLY_EXTENDED, call->req->id);
    sftp_put_u64(call->out, vfs.f_bsize);
    sftp_put_u64(call->out, vfs.f_frsize);
    sftp_put_u64(call->out, vfs.f_blocks);
    sftp_put_u64(call->out, vfs.f_bfree);
    sftp_put_u64(call->out, vfs.f_bavail);
    sftp_put_u64(call->out, vfs.f_files);
    sftp_put_u64(call->out, vfs.f_ffree);
    sftp_put_u64(call->out, vfs.f_favail);
    sftp_put_u64(call->out, vfs.f_fsid);
    sftp_put_u64(call->out, (vfs.f_flag & ST_RDONLY ? READ_ONLY : 0) |
                                (vfs.f_flag & ST_NOSUID ? NO_SETUID : 0));
    sftp_put_u64(call->out, vfs.f_namemax);
    sftp_end(call->out, begun);
    return 0;
}

int sftp_do_statvfs(struct sftp_call *call)
{
    auto_fd int fd = sftp_open_node(call->server, call->req->path, true);

    return reply_statvfs(call, fd);
}

int sftp_do_fstatvfs(struct sftp_call *call)
{
    return reply_statvfs(call, sftp_handle_fd(call));
}
