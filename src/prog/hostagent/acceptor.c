#include "prog/hostagent/acceptor.h"

#include <errno.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "svc/loop/timer.h"

enum {
    BATCH = 64, /* connections accepted before the loop looks at other things */
    PAUSE_MS = 200,
};

struct acceptor {
    uv_poll_t poll;
    int fd; /* -1 once closed */
    struct timer *pause;
    acceptor_fn on_accepted;
    void *arg;
};

static void accept_ready(uv_poll_t *poll, int status, int events);

static void pause_over(void *arg)
{
    struct acceptor *a = arg;

    (void)uv_poll_start(&a->poll, UV_READABLE, accept_ready);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
    struct acceptor *a = poll->data;

    for (unsigned i = 0; i < BATCH && a->fd >= 0; i++) {
        struct sockaddr_storage peer = { 0 };
        socklen_t size = sizeof(peer);
        int fd = accept4(a->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            a->on_accepted(a->arg, fd, &peer);
        } else if (is_shortage(errno)) {
            log_warn("Cannot accept a connection to a forward: %s", strerror(errno));
            (void)uv_poll_stop(poll);
            timer_set(a->pause, PAUSE_MS);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else: that connection was gone already */
    }
}

struct acceptor *acceptor_open(struct uv_loop_s *loop, int take_fd, acceptor_fn on_accepted,
                               void *arg, struct err **errp)
{
    struct acceptor *a = mem_new(struct acceptor);
    int status = uv_poll_init(loop, &a->poll, take_fd);

    if (status < 0) {
        (void)err_set_os(errp, -status, "cannot watch a socket");
        (void)close(take_fd);
        free(a);
        return NULL;
    }
    a->poll.data = a;
    a->fd = take_fd;
    a->on_accepted = on_accepted;
    a->arg = arg;
    a->pause = timer_open(loop, pause_over, a);
    (void)uv_poll_start(&a->poll, UV_READABLE, accept_ready);
    return a;
}

static void poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void acceptor_close(struct acceptor *a)
{
    if (!a || a->fd < 0)
        return;
    timer_close(MOVE(a->pause));
    uv_close((uv_handle_t *)&a->poll, poll_closed);
    (void)close(a->fd);
    a->fd = -1;
}
