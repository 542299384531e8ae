/* Making, moving and removing names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "fuse/fuse_priv.h"

/* Answers with the node that is now at name in the call's directory. */
static int reply_made(struct fuse_call *call, int dir_fd)
{
    struct fuse_place place = { .dir_fd = dir_fd, .fd = -1, .name = call->req.name.p };
    struct fuse_entry_out out;
    struct fuse_node *node;
    int rc = fuse_statx(dir_fd, place.name, &place.stx);

    if (rc < 0)
        return rc;
    fuse_attr_created(call, &place);
    node = fuse_node_enter(call->server, call->node, call->req.name, &place.stx);
    if (!node)
        return -ENFILE;
    fuse_entry_fill(call->server, &out, node, &place, call->node);
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

int fuse_do_symlink(struct fuse_call *call)
{
    int dir_fd = fuse_dir_fd(call->server, call->node);

    if (dir_fd < 0)
        return dir_fd;
    if (symlinkat(call->req.name2.p, dir_fd, call->req.name.p) < 0)
        return -errno;
    return reply_made(call, dir_fd);
}

int fuse_do_mknod(struct fuse_call *call)
{
    mode_t mode = call->req.arg.mknod.mode;
    int dir_fd = fuse_dir_fd(call->server, call->node);

    /* Devices would be those of the host. */
    if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
        return -EPERM;
    if (dir_fd < 0)
        return dir_fd;
    if (mknodat(dir_fd, call->req.name.p, (mode & S_IFMT) | fuse_attr_host_mode(mode, false), 0) <
        0)
        return -errno;
    return reply_made(call, dir_fd);
}

int fuse_do_mkdir(struct fuse_call *call)
{
    int dir_fd = fuse_dir_fd(call->server, call->node);

    if (dir_fd < 0)
        return dir_fd;
    if (mkdirat(dir_fd, call->req.name.p, fuse_attr_host_mode(call->req.arg.mkdir.mode, true)) < 0)
        return -errno;
    return reply_made(call, dir_fd);
}

/* A file loses a name, maybe its last. To free what it holds takes longer than all else: that is
 * left until the guest has its answer. */
static void keep_for_now(struct fuse_server *s, const struct fuse_node *dir, int dir_fd,
                         struct sv name)
{
    const struct fuse_link *link = fuse_link_find(s, dir, name);

    if (link && S_ISREG(link->node->identity.type) && s->doomed_fd < 0)
        s->doomed_fd = fuse_open_beneath(dir_fd, name.p, O_PATH, 0);
}

static int remove_name(struct fuse_call *call, int flags)
{
    int dir_fd = fuse_dir_fd(call->server, call->node);

    if (dir_fd < 0)
        return dir_fd;
    keep_for_now(call->server, call->node, dir_fd, call->req.name);
    if (unlinkat(dir_fd, call->req.name.p, flags) < 0)
        return -errno;
    fuse_link_drop(call->server, call->node, call->req.name);
    return 0;
}

int fuse_do_unlink(struct fuse_call *call)
{
    return remove_name(call, 0);
}

int fuse_do_rmdir(struct fuse_call *call)
{
    return remove_name(call, AT_REMOVEDIR);
}

int fuse_do_rename(struct fuse_call *call)
{
    const struct fuse_rename2_in *in = &call->req.arg.rename;
    struct fuse_node *to = fuse_node_find(call->server, in->newdir);
    int from_fd, to_fd;

    if (!to || !to->export)
        return to ? -EXDEV : -ESTALE;
    if (to->export != call->node->export)
        return -EXDEV;
    if (in->flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    from_fd = fuse_dir_fd(call->server, call->node);
    to_fd = fuse_dir_fd(call->server, to);
    if (from_fd < 0 || to_fd < 0)
        return from_fd < 0 ? from_fd : to_fd;
    keep_for_now(call->server, to, to_fd, call->req.name2);
    if (renameat2(from_fd, call->req.name.p, to_fd, call->req.name2.p, in->flags) < 0)
        return -errno;
    to->n_lookups++; /* while its last known entry is replaced */
    fuse_link_move(call->server, call->node, call->req.name, to, call->req.name2,
                   in->flags & RENAME_EXCHANGE);
    fuse_node_forget(call->server, in->newdir, 1);
    return 0;
}

int fuse_do_link(struct fuse_call *call)
{
    struct fuse_node *old = fuse_node_find(call->server, call->req.arg.link.oldnodeid);
    struct fuse_place place;
    int dir_fd, rc;

    if (!old)
        return -ESTALE;
    if (old->export != call->node->export)
        return -EXDEV;
    rc = fuse_place_find(call->server, old, &place);
    if (rc < 0)
        return rc;
    dir_fd = fuse_dir_fd(call->server, call->node);
    if (dir_fd < 0)
        return dir_fd;
    /* Without a name of its own it is from O_TMPFILE; kernels before 6.10 refuse that. */
    rc = place.fd >= 0 ? linkat(place.fd, "", dir_fd, call->req.name.p, AT_EMPTY_PATH)
                       : linkat(place.dir_fd, place.name, dir_fd, call->req.name.p, 0);
    if (rc < 0)
        return place.fd >= 0 && errno == ENOENT ? -EOPNOTSUPP : -errno;
    return reply_made(call, dir_fd);
}

/* The flags of open() that are the same on all architectures and the host's business. */
static int host_flags(uint32_t flags)
{
    return (int)(flags & (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_EXCL));
}

static int reply_open(struct fuse_call *call, struct fuse_node *node,
                      const struct fuse_place *place, struct fuse_handle *handle,
                      const struct fuse_node *dir)
{
    struct fuse_entry_out entry;
    struct fuse_open_out open = { .fh = handle->fh,
                                  .open_flags = fuse_open_flags(call->server, handle) };

    fuse_entry_fill(call->server, &entry, node, place, dir);
    fuse_reply(call, &entry, sizeof(entry));
    fuse_reply(call, &open, sizeof(open));
    return 0;
}

int fuse_do_create(struct fuse_call *call)
{
    const struct fuse_create_in *in = &call->req.arg.create;
    struct fuse_place place = { .fd = -1, .name = call->req.name.p };
    bool is_writable = (in->flags & O_ACCMODE) != O_RDONLY;
    struct fuse_handle *handle;
    struct fuse_node *node;
    int fd, rc;

    place.dir_fd = fuse_dir_fd(call->server, call->node);
    if (place.dir_fd < 0)
        return place.dir_fd;
    fd = fuse_open_beneath(place.dir_fd, place.name, host_flags(in->flags) | O_CREAT | O_NONBLOCK,
                           fuse_attr_host_mode(in->mode, false));
    if (fd < 0)
        return fd;
    rc = fuse_statx(fd, "", &place.stx);
    node = rc == 0 ? fuse_node_enter(call->server, call->node, call->req.name, &place.stx) : NULL;
    if (!node || !S_ISREG(place.stx.stx_mode)) {
        close(fd);
        return rc < 0 ? rc : node ? -EEXIST : -ENFILE;
    }
    fuse_attr_created(call, &place);
    handle = fuse_handle_new(call->server, node, fd, false, is_writable);
    return handle ? reply_open(call, node, &place, handle, call->node) : -ENFILE;
}

int fuse_do_tmpfile(struct fuse_call *call)
{
    const struct fuse_create_in *in = &call->req.arg.create;
    struct fuse_place place = { .dir_fd = -1, .name = "" };
    int dir_fd = fuse_dir_fd(call->server, call->node), rc;
    struct fuse_handle *handle;
    struct fuse_node *node;

    if (dir_fd < 0)
        return dir_fd;
    place.fd = fuse_open_beneath(dir_fd, ".", host_flags(in->flags) | O_TMPFILE,
                                 fuse_attr_host_mode(in->mode, false));
    if (place.fd < 0)
        return place.fd == -EISDIR ? -EOPNOTSUPP : place.fd;
    rc = fuse_statx(place.fd, "", &place.stx);
    node = rc == 0 ? fuse_node_new(call->server, call->node->export, &place.stx) : NULL;
    if (!node) {
        close(place.fd);
        return rc < 0 ? rc : -ENFILE;
    }
    fuse_attr_created(call, &place);
    handle = fuse_handle_new(call->server, node, place.fd, false, true);
    if (handle)
        return reply_open(call, node, &place, handle, NULL);
    fuse_node_settle(call->server, node);
    return -ENFILE;
}
