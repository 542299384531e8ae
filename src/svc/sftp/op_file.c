/* Open files: content. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "svc/sftp/sftp_priv.h"

#define MODE_DEFAULT 0644

static int host_flags(uint32_t flags)
{
    const bool reads = flags & SFTP_OPEN_READ, writes = flags & SFTP_OPEN_WRITE;

    return (writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY) |
           (flags & SFTP_OPEN_APPEND ? O_APPEND : 0) | (flags & SFTP_OPEN_CREATE ? O_CREAT : 0) |
           (flags & SFTP_OPEN_TRUNCATE ? O_TRUNC : 0) | (flags & SFTP_OPEN_EXCLUSIVE ? O_EXCL : 0);
}

int sftp_do_open(struct sftp_call *call)
{
    const struct sftp_attrs *attrs = &call->req->attrs;
    mode_t mode = attrs->flags & SFTP_HAS_MODE ? attrs->mode : MODE_DEFAULT;
    auto_fd int fd = sftp_open(call->server, call->req->path, host_flags(call->req->flags),
                               sftp_host_mode(mode, false));
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    /* Pipes and sockets are the client's kernel's. */
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
    return sftp_handle_reply(call, MOVE_FD(fd), NULL);
}

int sftp_do_close(struct sftp_call *call)
{
    struct sftp_handle *handle = sftp_handle_find(call);

    return handle ? sftp_handle_close(handle) : -EBADF;
}

int sftp_do_read(struct sftp_call *call)
{
    const struct sftp_request *req = call->req;
    size_t length = req->length < SFTP_DATA_LEN_MAX ? req->length : SFTP_DATA_LEN_MAX, begun;
    int fd = sftp_handle_fd(call);
    ssize_t n;

    if (fd < 0)
        return fd;
    if (req->offset > INT64_MAX)
        return -EINVAL;
    begun = sftp_begin(call->out, SFTP_REPLY_DATA, req->id);
    sftp_put_u32(call->out, 0);
    do
        n = pread(fd, sb_reserve(call->out, length), length, (off_t)req->offset);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        int rc = n < 0 ? -errno : 0;

        sb_truncate(call->out, begun);
        if (rc == 0)
            sftp_put_status(call->out, req->id, SFTP_EOF);
        return rc;
    }
    sb_commit(call->out, (size_t)n);
    sftp_set_u32(call->out, begun + SFTP_HEAD_LEN + 1 + 4, (uint32_t)n);
    sftp_end(call->out, begun);
    return 0;
}

int sftp_do_write(struct sftp_call *call)
{
    const struct sftp_request *req = call->req;
    int fd = sftp_handle_fd(call);
    size_t done = 0;

    if (fd < 0)
        return fd;
    if (req->offset > (uint64_t)INT64_MAX - req->data.n)
        return -EFBIG;
    while (done < req->data.n) {
        ssize_t n = pwrite(fd, req->data.p + done, req->data.n - done, (off_t)(req->offset + done));

        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int sftp_do_fsync(struct sftp_call *call)
{
    int fd = sftp_handle_fd(call);

    if (fd < 0)
        return fd;
    return fsync(fd) < 0 ? -errno : 0;
}

int sftp_do_limits(struct sftp_call *call)
{
    size_t begun = sftp_begin(call->out, SFTP_REPLY_EXTENDED, call->req->id);

    sftp_put_u64(call->out, SFTP_PACKET_LEN_MAX);
    sftp_put_u64(call->out, SFTP_DATA_LEN_MAX);
    sftp_put_u64(call->out, SFTP_DATA_LEN_MAX);
    sftp_put_u64(call->out, SFTP_HANDLES_MAX);
    sftp_end(call->out, begun);
    return 0;
}
