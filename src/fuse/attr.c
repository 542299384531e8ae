#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/num.h"
#include "fuse/fuse_priv.h"

/* Holds "UID:GID" as the guest sees them, where they differ from what the host's would be. */
#define OWNER_XATTR "user.clima.owner"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

struct owner {
    uint32_t uid, gid;
};

const char *const fuse_cache_names[FUSE_CACHE_COUNT] = { "auto", "always", "never" };

/* The two users change places, all others stay. */
static uint32_t swap(uint32_t id, uint32_t a, uint32_t b)
{
    return id == a ? b : id == b ? a : id;
}

static struct owner guest_owner(const struct fuse_export *export, const struct statx *stx)
{
    const struct fuse_export_options *o = &export->options;

    return (struct owner){ swap(stx->stx_uid, o->host_uid, o->guest_uid),
                           swap(stx->stx_gid, o->host_gid, o->guest_gid) };
}

bool fuse_attr_is_owner_xattr(const char *name)
{
    return strcmp(name, OWNER_XATTR) == 0;
}

/* Extended attributes are reached through the working directory: there is no /proc, and O_PATH
 * descriptors have none. */
static ssize_t read_owner(const struct fuse_place *place, char *out, size_t size)
{
    if (place->fd >= 0)
        return fgetxattr(place->fd, OWNER_XATTR, out, size);
    return fchdir(place->dir_fd) < 0 ? -1 : lgetxattr(place->name, OWNER_XATTR, out, size);
}

static int write_owner(const struct fuse_place *place, struct owner owner)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%u:%u", owner.uid, owner.gid);

    if (place->fd >= 0)
        return fsetxattr(place->fd, OWNER_XATTR, text, (size_t)n, 0) < 0 ? -errno : 0;
    if (fchdir(place->dir_fd) < 0)
        return -errno;
    return lsetxattr(place->name, OWNER_XATTR, text, (size_t)n, 0) < 0 ? -errno : 0;
}

static struct owner owner_of(const struct fuse_export *export, const struct fuse_place *place)
{
    struct owner owner = guest_owner(export, &place->stx), kept;
    char text[32];
    ssize_t n = export->options.owners_kept ? read_owner(place, text, sizeof(text)) : -1;
    struct sv rest = { text, n > 0 ? (size_t)n : 0 }, uid;

    if (sv_next(&rest, ':', &uid) && parse_u32(uid, &kept.uid) && parse_u32(rest, &kept.gid))
        return kept;
    return owner;
}

/* Is the node the top of a file system, as the guest shall see it? Only from the directory above:
 * to the guest's kernel everything that is said to be a mount point is a directory of its own, and
 * whoever is below could not find the way up. */
static bool is_submount(const struct fuse_node *node, const struct fuse_node *dir)
{
    if (!S_ISDIR(node->identity.type) || !dir)
        return false;
    return dir->export ? dir->identity.dev != node->identity.dev : !node->export->is_in_root;
}

void fuse_attr_fill(struct fuse_attr *out, const struct fuse_node *node,
                    const struct fuse_place *place, const struct fuse_node *dir)
{
    const struct statx *stx = &place->stx;
    struct owner owner = owner_of(node->export, place);

    *out = (struct fuse_attr){
        .ino = stx->stx_ino,
        .size = stx->stx_size,
        .blocks = stx->stx_blocks,
        .atime = (uint64_t)stx->stx_atime.tv_sec,
        .mtime = (uint64_t)stx->stx_mtime.tv_sec,
        .ctime = (uint64_t)stx->stx_ctime.tv_sec,
        .atimensec = stx->stx_atime.tv_nsec,
        .mtimensec = stx->stx_mtime.tv_nsec,
        .ctimensec = stx->stx_ctime.tv_nsec,
        .mode = stx->stx_mode,
        .nlink = stx->stx_nlink,
        .uid = owner.uid,
        .gid = owner.gid,
        .rdev = (uint32_t)makedev(stx->stx_rdev_major, stx->stx_rdev_minor),
        .blksize = stx->stx_blksize,
        .flags = is_submount(node, dir) ? FUSE_ATTR_SUBMOUNT : 0,
    };
}

/* Seconds that the guest may believe what it was told. */
static uint64_t time_valid(const struct fuse_export *export)
{
    static const uint64_t seconds[FUSE_CACHE_COUNT] = {
        [FUSE_CACHE_AUTO] = 1, [FUSE_CACHE_ALWAYS] = 86400, [FUSE_CACHE_NEVER] = 0
    };

    return export->is_detached ? 0 : seconds[export->options.cache];
}

int64_t fuse_attr_changed_ns(const struct statx *stx)
{
    return stx->stx_ctime.tv_sec * 1000000000 + stx->stx_ctime.tv_nsec;
}

/* Of a name. That of an export never: the guest keeps the name then for as long only as something
 * is mounted there, and the export's node is forgotten when it no longer is. */
static uint64_t entry_valid(const struct fuse_server *s, const struct fuse_node *node,
                            const struct fuse_node *dir)
{
    if (dir == &s->root)
        return 0;
    return fuse_watch_tells_names(s, dir) ? FUSE_TOLD_SECONDS : time_valid(node->export);
}

static uint64_t attr_valid(const struct fuse_server *s, const struct fuse_node *node,
                           const struct statx *stx)
{
    return fuse_watch_tells_node(s, node, stx) ? FUSE_TOLD_SECONDS : time_valid(node->export);
}

void fuse_attr_reply(struct fuse_call *call, const struct fuse_place *place)
{
    struct fuse_attr_out out = { .attr_valid = attr_valid(call->server, call->node, &place->stx) };

    fuse_attr_fill(&out.attr, call->node, place, NULL);
    call->node->told_ns = fuse_attr_changed_ns(&place->stx);
    fuse_reply(call, &out, sizeof(out));
}

void fuse_entry_fill(struct fuse_server *s, struct fuse_entry_out *out, struct fuse_node *node,
                     const struct fuse_place *place, const struct fuse_node *dir)
{
    bool is_new = S_ISDIR(node->identity.type) && !node->watch;

    *out = (struct fuse_entry_out){ .nodeid = node->id, .entry_valid = entry_valid(s, node, dir) };
    fuse_attr_fill(&out->attr, node, place, dir);
    node->n_lookups++;
    node->told_ns = fuse_attr_changed_ns(&place->stx);
    /* A directory that is watched from now on may have changed since it was looked at. */
    out->attr_valid = is_new ? time_valid(node->export) : attr_valid(s, node, &place->stx);
    if (is_new)
        fuse_watch_begin(s, node);
}

mode_t fuse_attr_host_mode(mode_t mode, bool is_dir)
{
    return mode & (is_dir ? 07777 : 01777);
}

static int change_mode(const struct fuse_place *place, mode_t mode)
{
    auto_fd int fd = -1;

    mode = fuse_attr_host_mode(mode, S_ISDIR(place->stx.stx_mode));
    if (S_ISLNK(place->stx.stx_mode))
        return -EOPNOTSUPP;
    if (place->fd >= 0)
        return fchmod(place->fd, mode) < 0 ? -errno : 0;
    if (syscall(SYS_fchmodat2, place->dir_fd, place->name, mode, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != ENOSYS)
        return -errno;
    fd = fuse_place_open(place, O_RDONLY);
    if (fd >= 0)
        return fchmod(fd, mode) < 0 ? -errno : 0;
    /* Not readable. Should the name have become a link, it leads nowhere but into the export. */
    return fchmodat(place->dir_fd, place->name, mode, 0) < 0 ? -errno : 0;
}

/* Tries a change of group that the host's user may make: to one of his own groups. */
static int change_group(const struct fuse_export *export, const struct fuse_place *place,
                        uint32_t gid)
{
    gid_t host_gid = swap(gid, export->options.guest_gid, export->options.host_gid);
    int rc = place->fd >= 0
                 ? fchown(place->fd, (uid_t)-1, host_gid)
                 : fchownat(place->dir_fd, place->name, (uid_t)-1, host_gid, AT_SYMLINK_NOFOLLOW);

    return rc < 0 ? -errno : 0;
}

static int change_owner(const struct fuse_export *export, const struct fuse_place *place,
                        struct owner wanted)
{
    struct owner is = owner_of(export, place);

    if (wanted.uid == is.uid && wanted.gid == is.gid)
        return 0;
    if (export->options.owners_kept)
        return S_ISLNK(place->stx.stx_mode) ? 0 : write_owner(place, wanted);
    return wanted.uid == is.uid ? change_group(export, place, wanted.gid) : -EPERM;
}

static int change_size(struct fuse_call *call, const struct fuse_place *place)
{
    const struct fuse_setattr_in *in = &call->req.arg.setattr;
    auto_fd int own = -1;
    int fd;

    if (!S_ISREG(place->stx.stx_mode))
        return -EINVAL;
    if (in->size > INT64_MAX)
        return -EFBIG;
    if (in->valid & FATTR_FH) {
        struct fuse_handle *handle = fuse_handle_find(call->server, in->fh, call->node);

        if (!handle)
            return -EBADF;
        fd = handle->fd;
    } else {
        fd = own = fuse_place_open(place, O_WRONLY);
        if (fd < 0)
            return fd;
    }
    return ftruncate(fd, (off_t)in->size) < 0 ? -errno : 0;
}

static struct timespec time_of(unsigned valid, unsigned set, unsigned now, uint64_t sec,
                               uint32_t nsec)
{
    if (!(valid & set))
        return (struct timespec){ .tv_nsec = UTIME_OMIT };
    if (valid & now)
        return (struct timespec){ .tv_nsec = UTIME_NOW };
    /* The special values are not the guest's to give. */
    return (struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = nsec < 1000000000 ? nsec : 0 };
}

static int change_times(const struct fuse_setattr_in *in, const struct fuse_place *place)
{
    struct timespec times[2] = {
        time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
        time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
    };
    int rc = place->fd >= 0 ? futimens(place->fd, times)
                            : utimensat(place->dir_fd, place->name, times, AT_SYMLINK_NOFOLLOW);

    return rc < 0 ? -errno : 0;
}

int fuse_attr_change(struct fuse_call *call, struct fuse_place *place)
{
    const struct fuse_setattr_in *in = &call->req.arg.setattr;
    const struct fuse_export *export = call->node->export;
    int rc = 0;

    if (in->valid & (FATTR_UID | FATTR_GID)) {
        struct owner wanted = owner_of(export, place);

        if (in->valid & FATTR_UID)
            wanted.uid = in->uid;
        if (in->valid & FATTR_GID)
            wanted.gid = in->gid;
        rc = change_owner(export, place, wanted);
    }
    if (rc == 0 && (in->valid & FATTR_SIZE))
        rc = change_size(call, place);
    if (rc == 0 && (in->valid & FATTR_MODE))
        rc = change_mode(place, in->mode);
    if (rc == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME)))
        rc = change_times(in, place);
    return rc               ? rc
           : place->fd >= 0 ? fuse_statx(place->fd, "", &place->stx)
                            : fuse_statx(place->dir_fd, place->name, &place->stx);
}

void fuse_attr_created(struct fuse_call *call, const struct fuse_place *place)
{
    const struct fuse_export *export = call->node->export;
    struct owner is = guest_owner(export, &place->stx);
    struct owner wanted = { call->req.head.uid, call->req.head.gid };

    /* Without it the new file belongs to the guest's user: no reason to fail. */
    if (export->options.owners_kept && !S_ISLNK(place->stx.stx_mode) &&
        (is.uid != wanted.uid || is.gid != wanted.gid))
        (void)write_owner(place, wanted);
}
