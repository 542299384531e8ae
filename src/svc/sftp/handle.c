/* Open files. A handle is a number of the table and how often that was used: eight bytes that a
 * client may send back changed, or late, without reaching anything that is not its own. */
#include <errno.h>
#include <unistd.h>

#include "svc/sftp/sftp_priv.h"

enum { HANDLE_LEN = 8 };

static bool is_free(const struct sftp_handle *handle)
{
    return handle->fd < 0 && !handle->dir;
}

static struct sftp_handle *find_free(struct sftp_server *s)
{
    struct sftp_handle *handle;

    for (size_t i = 0; i < s->handles.n; i++)
        if (is_free(&s->handles.v[i]))
            return &s->handles.v[i];
    if (s->handles.n == SFTP_HANDLES_MAX)
        return NULL;
    handle = vec_push(&s->handles);
    handle->fd = -1;
    return handle;
}

int sftp_handle_reply(struct sftp_call *call, int take_fd, DIR *take_dir)
{
    struct sftp_handle *handle = find_free(call->server);
    size_t begun;

    if (!handle) {
        (void)sftp_handle_close(&(struct sftp_handle){ .fd = take_fd, .dir = take_dir });
        return -EMFILE;
    }
    handle->generation++;
    handle->fd = take_fd;
    handle->dir = take_dir;
    begun = sftp_begin(call->out, SFTP_REPLY_HANDLE, call->req->id);
    sftp_put_u32(call->out, HANDLE_LEN);
    sftp_put_u32(call->out, (uint32_t)(handle - call->server->handles.v));
    sftp_put_u32(call->out, handle->generation);
    sftp_end(call->out, begun);
    return 0;
}

static uint32_t load_u32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct sftp_handle *sftp_handle_find(struct sftp_call *call)
{
    const struct sv bytes = call->req->handle;
    struct sftp_handle *handle;
    uint32_t at;

    if (bytes.n != HANDLE_LEN)
        return NULL;
    at = load_u32(bytes.p);
    if (at >= call->server->handles.n)
        return NULL;
    handle = &call->server->handles.v[at];
    return !is_free(handle) && handle->generation == load_u32(bytes.p + 4) ? handle : NULL;
}

int sftp_handle_fd(struct sftp_call *call)
{
    const struct sftp_handle *handle = sftp_handle_find(call);

    if (!handle)
        return -EBADF;
    return handle->dir ? dirfd(handle->dir) : handle->fd;
}

int sftp_handle_close(struct sftp_handle *handle)
{
    int rc = 0;

    if (handle->dir)
        rc = closedir(handle->dir);
    else if (handle->fd >= 0)
        rc = close(handle->fd);
    handle->dir = NULL;
    handle->fd = -1;
    return rc < 0 ? -errno : 0;
}
