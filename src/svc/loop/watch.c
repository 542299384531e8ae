#include "svc/loop/watch.h"

#include <uv.h>

#include "base/mem.h"

struct watch {
    uv_poll_t handle;
    int fd;
    watch_fn on_readable;
    void *arg;
};

static void handle_polled(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;

    watch->on_readable(watch->arg); /* an error shows when the owner reads */
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct watch *watch_open(struct uv_loop_s *loop, int take_fd, watch_fn on_readable, void *arg,
                         struct err **errp)
{
    struct watch *watch = mem_new(struct watch);
    int status = uv_poll_init(loop, &watch->handle, take_fd);

    watch->fd = take_fd;
    watch->on_readable = on_readable;
    watch->arg = arg;
    watch->handle.data = watch;
    if (status < 0) {
        (void)err_set_os(errp, -status, "cannot watch a descriptor");
        (void)close(take_fd);
        free(watch);
        return NULL;
    }
    (void)uv_poll_start(&watch->handle, UV_READABLE, handle_polled);
    return watch;
}

int watch_fd(const struct watch *watch)
{
    return watch->fd;
}

void watch_close(struct watch *watch)
{
    if (!watch || uv_is_closing((uv_handle_t *)&watch->handle))
        return;
    uv_close((uv_handle_t *)&watch->handle, handle_closed); /* leaves epoll before this returns */
    (void)close(watch->fd);
    watch->fd = -1;
}
