/*
 * libmicrohttpd does the protocol; its epoll descriptor is watched by the loop, so it runs only when
 * something happens. A handler that does not answer at once leaves its connection suspended; the
 * answer resumes it, and microhttpd then asks again for the response.
 */
#include "svc/loop/http_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/sb.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "sys/sock.h"

enum {
    CONNECTIONS_MAX = 64,
    IDLE_TIMEOUT_S = 60,
    LOG_LINE_MAX = 256,
    ERROR_TEXT_MAX = 4096,
};

struct http_server {
    char *path;
    const struct http_route *routes; /* borrowed */
    size_t n_routes;
    void *arg;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer *timer;
    size_t n_waiting; /* exchanges handed to a handler and not answered */
};

struct http_exchange {
    struct http_server *server; /* borrowed */
    struct MHD_Connection *connection; /* borrowed from microhttpd */
    struct sb body;
    bool dispatched; /* a handler has it */
    bool suspended;
    struct MHD_Response *response; /* NULL until answered */
    unsigned status;
};

/* --- Answers --- */

static void exchange_answer(struct http_exchange *x, unsigned status, struct MHD_Response *take_response)
{
    assert(!x->response);
    x->status = status;
    x->response = take_response;
    if (x->suspended) {
        x->suspended = false;
        MHD_resume_connection(x->connection);
        timer_set(x->server->timer, 0); /* nothing readable would make it run */
    }
}

void http_respond(struct http_exchange *x, unsigned status, const char *content_type, struct sv body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY);

    assert(response);
    if (content_type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    assert(x->dispatched && x->server->n_waiting > 0);
    x->server->n_waiting--;
    exchange_answer(x, status, response);
}

void http_respond_error(struct http_exchange *x, unsigned status, const char *fmt, ...)
{
    auto_mem char *text = NULL;
    auto_mem char *printable = NULL;
    auto_mem char *body = NULL;
    json_t *doc;
    va_list args;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    printable = quote_printable(sv_of(text), ERROR_TEXT_MAX);
    doc = json_pack("{s:s}", "message", printable);
    body = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    http_respond(x, status, "application/json", sv_of(body));
}

static void respond_not_found(struct http_exchange *x)
{
    static const char text[] = "404 page not found\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof(text) - 1, (void *)text, MHD_RESPMEM_PERSISTENT);

    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "text/plain; charset=utf-8");
    exchange_answer(x, MHD_HTTP_NOT_FOUND, response);
}

static void respond_empty(struct http_exchange *x, unsigned status, const char *allow)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

    if (allow)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    exchange_answer(x, status, response);
}

/* --- Requests --- */

const char *http_query(const struct http_exchange *x, const char *key)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, key);
}

struct sv http_body(const struct http_exchange *x)
{
    return sb_view(&x->body);
}

static void exchange_dispatch(struct http_exchange *x, const char *method, const char *path)
{
    struct http_server *server = x->server;
    auto_sb struct sb allow = { 0 };

    if (x->body.over) {
        respond_empty(x, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
        return;
    }
    for (size_t i = 0; i < server->n_routes; i++) {
        const struct http_route *route = &server->routes[i];

        if (strcmp(route->path, path) != 0)
            continue;
        if (strcmp(route->method, method) == 0) {
            x->dispatched = true;
            server->n_waiting++;
            route->handle(server->arg, x);
            return;
        }
        sb_putf(&allow, "%s%s", allow.n ? ", " : "", route->method);
    }
    if (allow.n)
        respond_empty(x, MHD_HTTP_METHOD_NOT_ALLOWED, sb_str(&allow));
    else
        respond_not_found(x);
}

/* Called when the head has arrived, for each piece of the body, at the end, and after a resume. */
static enum MHD_Result request_continued(void *arg, struct MHD_Connection *connection,
                                         const char *path, const char *method, const char *version,
                                         const char *upload, size_t *upload_size, void **slot)
{
    struct http_exchange *x = *slot;
    enum MHD_Result queued;

    if (!x) {
        x = mem_new(struct http_exchange);
        x->server = arg;
        x->connection = connection;
        x->body.limit = HTTP_BODY_MAX;
        *slot = x;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        sb_put_mem(&x->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!x->response && !x->dispatched)
        exchange_dispatch(x, method, path);
    if (!x->response) {
        x->suspended = true;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    queued = MHD_queue_response(connection, x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return queued;
}

static void request_completed(void *arg, struct MHD_Connection *connection, void **slot,
                              enum MHD_RequestTerminationCode code)
{
    struct http_exchange *x = *slot;

    if (!x)
        return;
    if (x->response)
        MHD_destroy_response(x->response);
    sb_done(&x->body);
    free(x);
    *slot = NULL;
}

static PRINTF_LIKE(2, 0) void log_complaint(void *arg, const char *fmt, va_list args)
{
    char line[LOG_LINE_MAX];

    (void)vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("HTTP: %s", line);
}

/* --- Life --- */

static void server_run(void *arg)
{
    struct http_server *server = arg;
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    (void)MHD_run(server->daemon);
    if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES)
        timer_set(server->timer, timeout_ms);
    else
        timer_stop(server->timer);
}

static bool server_watch(struct http_server *server, struct uv_loop_s *loop, struct err **errp)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int fd = info ? fcntl(info->epoll_fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (fd < 0)
        return err_set(errp, ERR_INTERNAL, "the HTTP server has no epoll descriptor");
    server->watch = watch_open(loop, fd, server_run, server, errp);
    return server->watch != NULL;
}

struct http_server *http_server_open(struct uv_loop_s *loop, const char *path,
                                     const struct http_route *routes, size_t n_routes, void *arg,
                                     struct err **errp)
{
    struct http_server *server;
    int fd;

    if (!sock_unix_listen(path, SOCK_STREAM | SOCK_NONBLOCK, &fd, errp))
        return NULL;
    server = mem_new(struct http_server);
    server->path = mem_strdup(path);
    server->routes = routes;
    server->n_routes = n_routes;
    server->arg = arg;
    server->timer = timer_open(loop, server_run, server);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        request_continued, server, MHD_OPTION_EXTERNAL_LOGGER, log_complaint, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED,
        request_completed, NULL, MHD_OPTION_END);
    if (!server->daemon) {
        (void)close(fd);
        (void)err_set(errp, ERR_INTERNAL, "cannot start the HTTP server on %s", path);
    }
    if (!server->daemon || !server_watch(server, loop, errp)) {
        http_server_close(server);
        return NULL;
    }
    return server;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    assert(server->n_waiting == 0);
    watch_close(server->watch);
    timer_close(server->timer);
    (void)unlink(server->path);
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* ends all connections */
    free(server->path);
    free(server);
}
