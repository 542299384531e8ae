/* Finding nodes and their attributes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fuse/fuse_priv.h"
#include "wire/guest.h"

static void fill_synthetic(struct fuse_attr *out)
{
    *out = (struct fuse_attr){
        .ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0700, .nlink = 2, .blksize = 4096
    };
}

static int reply_entry(struct fuse_call *call, struct fuse_node *node,
                       const struct fuse_place *place, const struct fuse_node *dir)
{
    struct fuse_entry_out out;

    fuse_entry_fill(call->server, &out, node, place, dir);
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

static int reply_node(struct fuse_call *call, struct fuse_node *node, const struct fuse_node *dir)
{
    struct fuse_place place;
    int rc = fuse_place_find(call->server, node, &place);

    return rc < 0 ? rc : reply_entry(call, node, &place, dir);
}

static int reply_root(struct fuse_call *call)
{
    struct fuse_entry_out out = { .nodeid = FUSE_ROOT_ID };

    fill_synthetic(&out.attr);
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

static int lookup_export(struct fuse_call *call, struct sv name)
{
    const struct sv prefix = SV(GUEST_FS_DROP_PREFIX);
    bool drops = sv_starts(name, prefix);
    struct fuse_export *export =
        fuse_export_find(call->server, drops ? sv_slice(name, prefix.n, name.n) : name);

    if (!export)
        return -ENOENT;
    if (drops || export->is_denied) {
        export->is_denied = drops;
        return -ENOENT;
    }
    return reply_node(call, export->root, call->node);
}

/* The guest knows a number and wants the node, or what is above it. */
static int lookup_dots(struct fuse_call *call)
{
    struct fuse_node *node = call->node;

    if (node->export && sv_eq(call->req.name, SV(".."))) {
        if (list_is_empty(&node->links))
            return node->export->root == node ? reply_root(call) : -ESTALE;
        node = CONTAINER_OF(node->links.next, struct fuse_link, of_node)->dir;
    }
    return node->export ? reply_node(call, node, NULL) : reply_root(call);
}

/* Tells the guest to believe for a while that there is nothing. */
static int reply_nothing(struct fuse_call *call, int rc)
{
    struct fuse_entry_out out = { .entry_valid = 86400 };

    if (rc != -ENOENT || call->node->export->options.cache != FUSE_CACHE_ALWAYS)
        return rc;
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

int fuse_do_lookup(struct fuse_call *call)
{
    struct fuse_server *s = call->server;
    struct sv name = call->req.name;
    struct fuse_place place = { .fd = -1, .name = name.p };
    struct fuse_node *node;
    int rc;

    if (sv_eq(name, SV(".")) || sv_eq(name, SV("..")))
        return lookup_dots(call);
    if (!call->node->export)
        return lookup_export(call, name);
    place.dir_fd = fuse_dir_fd(s, call->node);
    if (place.dir_fd < 0)
        return place.dir_fd;
    rc = fuse_statx(place.dir_fd, name.p, &place.stx);
    if (rc == -ENOENT)
        fuse_link_lost(s, call->node, name);
    if (rc < 0)
        return reply_nothing(call, rc);
    node = fuse_node_enter(s, call->node, name, &place.stx);
    return node ? reply_entry(call, node, &place, call->node) : -ENFILE;
}

int fuse_do_getattr(struct fuse_call *call)
{
    const struct fuse_getattr_in *in = &call->req.arg.getattr;
    struct fuse_handle *handle = NULL;
    struct fuse_place place;
    int rc;

    if (!call->node->export) {
        struct fuse_attr_out out = { 0 };

        fill_synthetic(&out.attr);
        fuse_reply(call, &out, sizeof(out));
        return 0;
    }
    if (in->getattr_flags & FUSE_GETATTR_FH)
        handle = fuse_handle_find(call->server, in->fh, call->node);
    if (handle) {
        place = (struct fuse_place){ .dir_fd = -1, .fd = handle->fd, .name = "" };
        rc = fuse_statx(handle->fd, "", &place.stx);
    } else {
        rc = fuse_place_find(call->server, call->node, &place);
    }
    if (rc == 0)
        fuse_attr_reply(call, &place);
    return rc;
}

int fuse_do_setattr(struct fuse_call *call)
{
    struct fuse_place place;
    int rc = fuse_place_find(call->server, call->node, &place);

    if (rc == 0)
        rc = fuse_attr_change(call, &place);
    if (rc == 0)
        fuse_attr_reply(call, &place);
    return rc;
}

int fuse_do_readlink(struct fuse_call *call)
{
    char target[PATH_MAX];
    struct fuse_place place;
    ssize_t n;
    int rc;

    if (!S_ISLNK(call->node->identity.type))
        return -EINVAL;
    rc = fuse_place_find(call->server, call->node, &place);
    if (rc < 0)
        return rc;
    n = readlinkat(place.dir_fd, place.name, target, sizeof(target));
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? -ESTALE : -errno;
    fuse_reply(call, target, (size_t)n);
    return 0;
}

static int stat_fs(struct fuse_call *call, struct statvfs *out)
{
    struct fuse_place place;
    int rc = fuse_place_find(call->server, call->node, &place);
    auto_fd int own = -1;
    int fd;

    if (rc < 0)
        return rc;
    if (place.fd >= 0)
        fd = place.fd;
    else
        fd = own = fuse_open_beneath(place.dir_fd, place.name, O_PATH, 0);
    if (fd < 0)
        return fd;
    return fstatvfs(fd, out) < 0 ? -errno : 0;
}

int fuse_do_statfs(struct fuse_call *call)
{
    struct statvfs fs = { .f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX };
    int rc = call->node->export ? stat_fs(call, &fs) : 0;
    struct fuse_statfs_out out = {
        .st = { .blocks = fs.f_blocks,
                .bfree = fs.f_bfree,
                .bavail = fs.f_bavail,
                .files = fs.f_files,
                .ffree = fs.f_ffree,
                .bsize = (uint32_t)fs.f_bsize,
                .namelen = (uint32_t)fs.f_namemax,
                .frsize = (uint32_t)fs.f_frsize },
    };

    if (rc == 0)
        fuse_reply(call, &out, sizeof(out));
    return rc;
}
