#include "svc/loop/qmp_client.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <uv.h>

#include "base/enum.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/sock.h"
#include "wire/jsonl.h"
#include "wire/qmp.h"

enum { READ_SIZE = 16 * 1024 };

enum state {
    STATE_GREETING,    /* connected; QEMU speaks first */
    STATE_NEGOTIATING, /* qmp_capabilities was sent; QEMU accepts nothing else */
    STATE_READY,       /* commands, replies, events */
    STATE_LOST,        /* nothing is sent or received any more; waits for qmp_client_close() */
    STATE_CLOSED,      /* by the owner; waits for its handles */
    STATE_COUNT,
};
static const char *const state_names[] = { "greeting", "negotiating", "ready", "lost", "closed" };
ENUM_NAMES_MATCH(state_names, STATE_COUNT);

/* A command without a reply yet. */
struct pending {
    struct list link;
    uint64_t id;
    char *command;
    char *held_line; /* not sent yet */
    int fd;          /* goes with the line; -1 = none */
    qmp_reply_fn on_reply;
    void *arg;
};

struct qmp_client {
    struct qmp_client_params params;
    enum state state;
    uv_pipe_t pipe;
    uv_timer_t deadline;
    unsigned n_handles;
    struct jsonl lines;
    struct list pending; /* in the order they were sent */
    uint64_t last_id;
    struct semver qemu_version;
    char read_buf[READ_SIZE];
};

struct write {
    uv_write_t req;
    char *line;
};

static void client_set_state(struct qmp_client *c, enum state state)
{
    assert(state > c->state);
    log_debug("QMP: %s -> %s", state_names[c->state], state_names[state]);
    c->state = state;
}

static bool client_is_over(const struct qmp_client *c)
{
    return c->state >= STATE_LOST;
}

static void pending_free(struct pending *p)
{
    list_remove(&p->link);
    free(p->command);
    free(p->held_line);
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
}

static struct pending *client_first_pending(struct qmp_client *c)
{
    return list_is_empty(&c->pending) ? NULL : CONTAINER_OF(c->pending.next, struct pending, link);
}

/* The entry is gone before the callback runs, so that the callback may do anything. */
static void pending_complete(struct pending *p, json_t *data, const struct err *err)
{
    qmp_reply_fn on_reply = p->on_reply;
    void *arg = p->arg;

    pending_free(p);
    if (on_reply)
        on_reply(arg, data, err);
}

static void client_lose(struct qmp_client *c, struct err *take_err)
{
    auto_err struct err *err = take_err;
    struct pending *p;

    if (client_is_over(c))
        return;
    client_set_state(c, STATE_LOST);
    (void)uv_read_stop((uv_stream_t *)&c->pipe);
    (void)uv_timer_stop(&c->deadline);

    while (c->state == STATE_LOST && (p = client_first_pending(c))) {
        struct err *unanswered = NULL;

        (void)err_set(&unanswered, err_kind(err), "QMP command %s was not answered: %s", p->command,
                      err_text(err));
        pending_complete(p, NULL, unanswered);
        err_free(unanswered);
    }
    if (c->state == STATE_LOST)
        c->params.on_lost(c->params.arg, err);
}

static void client_lose_uv(struct qmp_client *c, int status)
{
    struct err *err = NULL;

    if (status == UV_EOF || status == UV_EPIPE || status == UV_ECONNRESET)
        (void)err_set(&err, ERR_NOT_FOUND, "QEMU closed the QMP connection");
    else
        (void)err_set_os(&err, -status, "QMP connection");
    client_lose(c, err);
}

static void client_flush(struct qmp_client *c);

static void write_done(uv_write_t *req, int status)
{
    struct write *w = CONTAINER_OF(req, struct write, req);
    struct qmp_client *c = req->handle->data;

    free(w->line);
    free(w);
    if (status < 0 && status != UV_ECANCELED)
        client_lose_uv(c, status);
    else if (c->state == STATE_READY)
        client_flush(c);
}

static void client_write(struct qmp_client *c, char *take_line)
{
    struct write *w = mem_new(struct write);
    uv_buf_t buf = uv_buf_init(take_line, (unsigned)strlen(take_line));
    int status;

    w->line = take_line;
    status = uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, write_done);
    if (status < 0) {
        /* The stream is unusable; the read side reports that, in its own time. */
        log_debug("QMP: cannot write: %s", uv_strerror(status));
        free(w->line);
        free(w);
    }
}

/*
 * A descriptor travels with the first byte of its line, past libuv's queue, which must be empty
 * then. QEMU skips the blank line that finds out when there is room again. False: not now.
 */
static bool client_write_fd(struct qmp_client *c, struct pending *p)
{
    size_t n = strlen(p->held_line);
    ssize_t sent = -1;
    uv_os_fd_t fd;

    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > 0)
        return false;
    if (uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0)
        sent = sock_send_fd_part(fd, p->held_line, n, p->fd);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        client_write(c, mem_strdup("\n"));
        return false;
    }
    (void)close(p->fd);
    p->fd = -1;
    /* After a failure the rest is not sent either; the read side reports that the stream is bad. */
    if (sent >= 0 && (size_t)sent < n)
        client_write(c, mem_strdup(p->held_line + sent));
    mem_replace(&p->held_line, NULL);
    return true;
}

/* Sends what is held back, in order. */
static void client_flush(struct qmp_client *c)
{
    list_for_each (p, &c->pending, struct pending, link) {
        if (!p->held_line)
            continue;
        if (p->fd < 0)
            client_write(c, MOVE(p->held_line));
        else if (!client_write_fd(c, p))
            return;
    }
}

static struct pending *client_push(struct qmp_client *c, const char *command, json_t *take_args,
                                   qmp_reply_fn on_reply, void *arg)
{
    struct pending *p = mem_new(struct pending);

    p->id = ++c->last_id;
    p->command = mem_strdup(command);
    p->held_line = qmp_encode(command, take_args, p->id);
    p->fd = -1;
    p->on_reply = on_reply;
    p->arg = arg;
    json_decref(take_args);
    list_push_back(&c->pending, &p->link);
    return p;
}

bool qmp_client_send(struct qmp_client *c, const char *command, json_t *take_args,
                     qmp_reply_fn on_reply, void *arg, struct err **errp)
{
    return qmp_client_send_fd(c, command, take_args, -1, on_reply, arg, errp);
}

bool qmp_client_send_fd(struct qmp_client *c, const char *command, json_t *take_args, int take_fd,
                        qmp_reply_fn on_reply, void *arg, struct err **errp)
{
    assert(c->state != STATE_CLOSED);
    if (c->state == STATE_LOST) {
        json_decref(take_args);
        if (take_fd >= 0)
            (void)close(take_fd);
        return err_set(errp, ERR_NOT_FOUND, "QMP command %s: QEMU closed the QMP connection",
                       command);
    }

    struct pending *p = client_push(c, command, take_args, on_reply, arg);

    p->fd = take_fd;
    if (c->state == STATE_READY)
        client_flush(c);
    return true;
}

static void capabilities_replied(void *arg, json_t *data, const struct err *err)
{
    struct qmp_client *c = arg;

    if (client_is_over(c))
        return;
    if (err) {
        struct err *refused = NULL;

        (void)err_set(&refused, ERR_PROTOCOL, "QMP handshake: %s", err_text(err));
        client_lose(c, refused);
        return;
    }
    client_set_state(c, STATE_READY);
    (void)uv_timer_stop(&c->deadline);
    client_flush(c);
    if (c->params.on_ready)
        c->params.on_ready(c->params.arg, &c->qemu_version);
}

static bool client_greeted(struct qmp_client *c, const struct qmp_message *msg, struct err **errp)
{
    if (c->state != STATE_GREETING)
        return err_set(errp, ERR_PROTOCOL, "QMP: a second greeting");

    struct pending *p = client_push(c, "qmp_capabilities", NULL, capabilities_replied, c);

    /* Ahead of the commands that wait for READY. */
    list_remove(&p->link);
    list_push_front(&c->pending, &p->link);
    c->qemu_version = msg->version;
    client_set_state(c, STATE_NEGOTIATING);
    client_write(c, MOVE(p->held_line));
    return true;
}

static struct pending *client_find(struct qmp_client *c, uint64_t id)
{
    list_for_each (p, &c->pending, struct pending, link)
        if (p->id == id && !p->held_line)
            return p;
    return NULL;
}

static bool client_replied(struct qmp_client *c, const struct qmp_message *msg, struct err **errp)
{
    struct pending *p = msg->has_id ? client_find(c, msg->id) : NULL;

    if (!p && msg->kind == QMP_ERROR)
        return err_set(errp, ERR_PROTOCOL, "QMP: error without a command: %s", msg->text);
    if (!p)
        return err_set(errp, ERR_PROTOCOL, "QMP: reply to a command that was not sent");
    if (msg->kind == QMP_REPLY) {
        pending_complete(p, msg->data, NULL);
    } else {
        auto_err struct err *err = NULL;

        (void)err_set(&err, ERR_CHILD, "QMP command %s: %s", p->command, msg->text);
        pending_complete(p, NULL, err);
    }
    return true;
}

static bool client_dispatch(struct qmp_client *c, json_t *take_doc, struct err **errp)
{
    auto_qmp_message struct qmp_message msg = { 0 };

    if (!qmp_decode(take_doc, &msg, errp))
        return false;
    switch (msg.kind) {
    case QMP_GREETING:
        return client_greeted(c, &msg, errp);
    case QMP_REPLY:
    case QMP_ERROR:
        return client_replied(c, &msg, errp);
    case QMP_EVENT:
        if (c->params.on_event)
            c->params.on_event(c->params.arg, msg.name, msg.data);
        break;
    }
    return true;
}

static void client_take_lines(struct qmp_client *c)
{
    enum jsonl_status status = JSONL_MORE;
    struct err *err = NULL;
    json_t *doc;

    while (!client_is_over(c) && (status = jsonl_next(&c->lines, &doc, &err)) != JSONL_MORE) {
        if (status == JSONL_BAD || !client_dispatch(c, doc, &err)) {
            client_lose(c, err);
            return;
        }
    }
}

static void stream_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct qmp_client *c = handle->data;

    *buf = uv_buf_init(c->read_buf, sizeof(c->read_buf));
}

static void stream_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct qmp_client *c = stream->data;

    if (n < 0) {
        client_lose_uv(c, (int)n);
    } else if (n > 0) {
        jsonl_feed(&c->lines, buf->base, (size_t)n);
        client_take_lines(c);
    }
}

static void deadline_passed(uv_timer_t *timer)
{
    struct qmp_client *c = timer->data;
    struct err *err = NULL;

    (void)err_set(&err, ERR_TIMEOUT, "QEMU did not answer on its QMP socket within %llu ms",
                  (unsigned long long)c->params.handshake_ms);
    client_lose(c, err);
}

static void handle_closed(uv_handle_t *handle)
{
    struct qmp_client *c = handle->data;

    if (--c->n_handles > 0)
        return;
    jsonl_done(&c->lines);
    free(c);
}

static void client_close_handles(struct qmp_client *c)
{
    uv_close((uv_handle_t *)&c->pipe, handle_closed);
    uv_close((uv_handle_t *)&c->deadline, handle_closed);
}

struct qmp_client *qmp_client_open(const struct qmp_client_params *params, int take_fd,
                                   struct err **errp)
{
    struct qmp_client *c = mem_new(struct qmp_client);
    int status;

    assert(params->on_lost);
    c->params = *params;
    c->lines.limit = QMP_LINE_LIMIT;
    list_init(&c->pending);
    (void)uv_timer_init(params->loop, &c->deadline);
    (void)uv_pipe_init(params->loop, &c->pipe, 0);
    c->pipe.data = c->deadline.data = c;
    c->n_handles = 2;

    status = uv_pipe_open(&c->pipe, take_fd);
    if (status < 0)
        (void)close(take_fd);
    else
        status = uv_read_start((uv_stream_t *)&c->pipe, stream_alloc, stream_read);
    if (status < 0) {
        (void)err_set_os(errp, -status, "QMP connection");
        c->state = STATE_CLOSED;
        client_close_handles(c);
        return NULL;
    }
    if (params->handshake_ms)
        (void)uv_timer_start(&c->deadline, deadline_passed, params->handshake_ms, 0);
    return c;
}

bool qmp_client_is_ready(const struct qmp_client *c)
{
    return c->state == STATE_READY;
}

void qmp_client_close(struct qmp_client *c)
{
    struct pending *p;

    if (!c || c->state == STATE_CLOSED)
        return;
    client_set_state(c, STATE_CLOSED);
    while ((p = client_first_pending(c)))
        pending_free(p);
    client_close_handles(c);
}
