/* Open files: data, sizes, holes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuse/fuse_priv.h"

/* Pieces of guest memory in one system call. */
enum { IOV_PART_MAX = 256 };

static struct fuse_handle *file_of(struct fuse_call *call, uint64_t fh)
{
    struct fuse_handle *handle = fuse_handle_find(call->server, fh, call->node);

    return handle && !handle->is_dir ? handle : NULL;
}

/* A file without a name is opened again through one that is open: with no more rights than that. */
static int open_nameless(const struct fuse_node *node, uint32_t flags)
{
    int wanted = (int)(flags & O_ACCMODE);

    list_for_each (handle, &node->handles, struct fuse_handle, of_node) {
        int has = fcntl(handle->fd, F_GETFL) & O_ACCMODE;

        if (handle->is_dir || (has != wanted && has != O_RDWR))
            continue;
        if ((flags & O_TRUNC) && ftruncate(handle->fd, 0) < 0)
            return -errno;
        int fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);

        return fd < 0 ? -errno : fd;
    }
    return -ESTALE;
}

int fuse_do_open(struct fuse_call *call)
{
    uint32_t flags = call->req.arg.open.flags;
    bool is_writable = (flags & O_ACCMODE) != O_RDONLY;
    struct fuse_place place;
    int fd, rc;

    if (!S_ISREG(call->node->identity.type))
        return S_ISDIR(call->node->identity.type) ? -EISDIR : -ENXIO;
    if ((is_writable || flags & O_TRUNC) && call->node->export->options.read_only)
        return -EROFS;
    rc = fuse_place_find(call->server, call->node, &place);
    if (rc < 0)
        return rc;
    if (place.fd >= 0)
        fd = open_nameless(call->node, flags);
    else
        fd = fuse_place_open(&place, (int)(flags & (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC)));
    if (fd < 0)
        return fd;
    return fuse_handle_reply(call, fd, false, is_writable);
}

/* The part of a transfer that is made by one system call. */
struct part {
    struct iovec *iov; /* of the guest, shortened as the transfer goes on */
    unsigned n_iov;
    size_t left;
};

/* How many pieces the next call takes; the last one may be shortened. */
static unsigned next_part(struct part *p)
{
    size_t sum = 0;
    unsigned n = 0;

    while (n < p->n_iov && n < IOV_PART_MAX && sum < p->left) {
        if (p->iov[n].iov_len > p->left - sum)
            p->iov[n].iov_len = p->left - sum;
        sum += p->iov[n++].iov_len;
    }
    return n;
}

static void advance(struct part *p, size_t n)
{
    p->left -= n;
    fuse_iov_skip(&p->iov, &p->n_iov, n);
}

/* Short only at the end of the file, or for want of space: the guest takes it for that. */
int fuse_do_read(struct fuse_call *call)
{
    const struct fuse_read_in *in = &call->req.arg.read;
    struct fuse_handle *handle = file_of(call, in->fh);
    struct part part = { call->out, call->n_out, in->size };
    unsigned n_iov;
    ssize_t n = 1;

    if (!handle)
        return -EBADF;
    if (in->offset > INT64_MAX || in->size > FUSE_TRANSFER_MAX)
        return -EINVAL;
    while (n > 0 && (n_iov = next_part(&part)) > 0) {
        n = preadv(handle->fd, part.iov, (int)n_iov, (off_t)(in->offset + call->in_place));
        if (n > 0) {
            call->in_place += (size_t)n;
            advance(&part, (size_t)n);
        }
    }
    return n < 0 && call->in_place == 0 ? -errno : 0;
}

int fuse_do_write(struct fuse_call *call)
{
    const struct fuse_write_in *in = &call->req.arg.write;
    struct fuse_handle *handle = file_of(call, in->fh);
    struct part part = { call->in, call->n_in, in->size };
    /* Not for pages of a mapping, which may come through any open file. */
    bool at_end = (in->flags & O_APPEND) && !(in->write_flags & FUSE_WRITE_CACHE);
    struct fuse_write_out out = { 0 };
    unsigned n_iov;
    ssize_t n = 1;

    if (!handle || !handle->is_writable)
        return -EBADF;
    if (in->offset > INT64_MAX || in->size > FUSE_TRANSFER_MAX)
        return -EINVAL;
    while (n > 0 && (n_iov = next_part(&part)) > 0) {
        n = pwritev2(handle->fd, part.iov, (int)n_iov, (off_t)(in->offset + out.size),
                     at_end ? RWF_APPEND : 0);
        if (n > 0) {
            out.size += (uint32_t)n;
            advance(&part, (size_t)n);
        }
    }
    if (n < 0 && out.size == 0)
        return -errno;
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

int fuse_do_release(struct fuse_call *call)
{
    struct fuse_handle *handle =
        fuse_handle_find(call->server, call->req.arg.release.fh, call->node);

    if (!handle)
        return -EBADF;
    fuse_handle_close(call->server, handle);
    return 0;
}

int fuse_do_fsync(struct fuse_call *call)
{
    const struct fuse_fsync_in *in = &call->req.arg.fsync;
    struct fuse_handle *handle = fuse_handle_find(call->server, in->fh, call->node);
    int rc;

    if (!handle)
        return -EBADF;
    rc = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(handle->fd) : fsync(handle->fd);
    return rc < 0 ? -errno : 0;
}

/* Of the export that the node belongs to: Linux asks for the top of its file system. */
int fuse_do_syncfs(struct fuse_call *call)
{
    const struct fuse_export *export =
        call->node->export ? call->node->export : fuse_export_in_root(call->server);
    auto_fd int fd = -1;

    if (!export || export->root_fd < 0)
        return 0;
    fd = fuse_open_beneath(export->root_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    return syncfs(fd) < 0 ? -errno : 0;
}

int fuse_do_fallocate(struct fuse_call *call)
{
    const struct fuse_fallocate_in *in = &call->req.arg.fallocate;
    struct fuse_handle *handle = file_of(call, in->fh);

    if (!handle || !handle->is_writable)
        return -EBADF;
    if (in->offset > INT64_MAX || in->length > INT64_MAX)
        return -EINVAL;
    return fallocate(handle->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0 ? -errno
                                                                                          : 0;
}

int fuse_do_lseek(struct fuse_call *call)
{
    const struct fuse_lseek_in *in = &call->req.arg.lseek;
    struct fuse_handle *handle = file_of(call, in->fh);
    struct fuse_lseek_out out;
    off_t at;

    if (!handle)
        return -EBADF;
    if (in->offset > INT64_MAX || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE))
        return -EINVAL;
    at = lseek(handle->fd, (off_t)in->offset, (int)in->whence);
    if (at < 0)
        return -errno;
    out.offset = (uint64_t)at;
    fuse_reply(call, &out, sizeof(out));
    return 0;
}

int fuse_do_copy_file_range(struct fuse_call *call)
{
    const struct fuse_copy_file_range_in *in = &call->req.arg.copy_file_range;
    struct fuse_handle *from = file_of(call, in->fh_in), *to;
    struct fuse_node *node = fuse_node_find(call->server, in->nodeid_out);
    off_t at_in = (off_t)in->off_in, at_out = (off_t)in->off_out;
    struct fuse_write_out out;
    size_t len = in->len < FUSE_COPY_MAX ? (size_t)in->len : FUSE_COPY_MAX;
    ssize_t n;

    to = node ? fuse_handle_find(call->server, in->fh_out, node) : NULL;
    if (!from || !to || to->is_dir || !to->is_writable)
        return -EBADF;
    if (at_in < 0 || at_out < 0 || in->flags)
        return -EINVAL;
    n = copy_file_range(from->fd, &at_in, to->fd, &at_out, len, 0);
    if (n < 0)
        return -errno;
    out = (struct fuse_write_out){ .size = (uint32_t)n };
    fuse_reply(call, &out, sizeof(out));
    return 0;
}
