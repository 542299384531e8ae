#include "svc/loop/stream.h"

#include <uv.h>

#include "base/log.h"
#include "base/mem.h"

enum { READ_SIZE = 64 * 1024 };

struct stream {
    uv_pipe_t pipe;
    const struct stream_events *events;
    void *arg;
    bool ended; /* told so */
    bool broken;
    char *read_buf; /* READ_SIZE; NULL until something arrives and after it was handed on */
};

struct write {
    uv_write_t req;
    char *bytes;
};

static void stream_end(struct stream *s, int status)
{
    auto_err struct err *err = NULL;

    s->broken |= status != UV_EOF;
    if (s->ended || uv_is_closing((uv_handle_t *)&s->pipe))
        return;
    s->ended = true;
    (void)uv_read_stop((uv_stream_t *)&s->pipe);
    if (status != UV_EOF && status != UV_ECONNRESET && status != UV_EPIPE)
        (void)err_set_os(&err, -status, "connection");
    s->events->on_end(s->arg, err);
}

static void pipe_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = handle->data;

    if (!s->read_buf)
        s->read_buf = mem_alloc(READ_SIZE);
    *buf = uv_buf_init(s->read_buf, READ_SIZE);
}

static void pipe_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = pipe->data;
    auto_mem char *bytes = MOVE(s->read_buf); /* an idle stream holds no buffer */

    if (n < 0)
        stream_end(s, (int)n);
    else if (n > 0)
        s->events->on_data(s->arg, (struct sv){ bytes, (size_t)n });
}

static void pipe_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;

    free(s->read_buf);
    free(s);
}

struct stream *stream_open(struct uv_loop_s *loop, int take_fd, const struct stream_events *events,
                           void *arg, struct err **errp)
{
    struct stream *s = mem_new(struct stream);
    int status;

    s->events = events;
    s->arg = arg;
    (void)uv_pipe_init(loop, &s->pipe, 0);
    s->pipe.data = s;
    status = uv_pipe_open(&s->pipe, take_fd);
    if (status < 0)
        (void)close(take_fd);
    else
        status = uv_read_start((uv_stream_t *)&s->pipe, pipe_alloc, pipe_read);
    if (status < 0) {
        (void)err_set_os(errp, -status, "cannot use a connection");
        stream_close(s);
        return NULL;
    }
    return s;
}

static void write_done(uv_write_t *req, int status)
{
    struct write *w = CONTAINER_OF(req, struct write, req);
    struct stream *s = req->handle->data;

    free(w->bytes);
    free(w);
    if (status < 0)
        stream_end(s, status); /* does nothing when we are closing */
    else if (stream_pending(s) == 0 && !s->ended && !uv_is_closing((uv_handle_t *)&s->pipe) &&
             s->events->on_drained)
        s->events->on_drained(s->arg);
}

void stream_send(struct stream *s, struct sv bytes)
{
    struct write *w;
    uv_buf_t buf;
    int status;

    if (s->broken || bytes.n == 0)
        return;
    w = mem_new(struct write);
    w->bytes = mem_dup(bytes.p, bytes.n);
    buf = uv_buf_init(w->bytes, (unsigned)bytes.n);
    status = uv_write(&w->req, (uv_stream_t *)&s->pipe, &buf, 1, write_done);
    if (status < 0) {
        /* Broken already; the reading side reports it from the loop. */
        log_debug("cannot write to a connection: %s", uv_strerror(status));
        free(w->bytes);
        free(w);
    }
}

size_t stream_pending(const struct stream *s)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&s->pipe);
}

void stream_close(struct stream *s)
{
    if (s && !uv_is_closing((uv_handle_t *)&s->pipe))
        uv_close((uv_handle_t *)&s->pipe, pipe_closed);
}
