/*
 * A small HTTP/1.1 server on a Unix socket, for the host agent's API (reference: runtime section 8).
 *
 * Requests are matched exactly against a table of routes. Unknown paths give 404 with a line of
 * text, known paths with another method 405 with an empty body. Bodies are limited to
 * HTTP_BODY_MAX, larger ones give 413. A handler answers its exchange once, now or later:
 *
 *     static void info_requested(void *arg, struct http_exchange *x)
 *     {
 *         http_respond(x, 200, "application/json", SV("{}"));
 *     }
 *
 * An exchange is gone after the answer. All exchanges must be answered before http_server_close(),
 * which must not be called from a handler; it removes the socket. NULL is allowed.
 */
#ifndef SVC_LOOP_HTTP_SERVER_H
#define SVC_LOOP_HTTP_SERVER_H

#include <stddef.h>

#include "base/err.h"
#include "base/sv.h"

#define HTTP_BODY_MAX (64 * 1024)

struct http_server;
struct http_exchange;
struct uv_loop_s;

struct http_route {
    const char *method, *path;
    void (*handle)(void *arg, struct http_exchange *x);
};

/* Binds path (mode 0600), replacing a socket that nobody listens on; ERR_BUSY when somebody does.
 * routes is borrowed for the life of the server. */
struct http_server *http_server_open(struct uv_loop_s *loop, const char *path,
                                     const struct http_route *routes, size_t n_routes, void *arg,
                                     struct err **errp);
void http_server_close(struct http_server *server);

/* Borrowed until the answer. */
const char *http_query(const struct http_exchange *x, const char *key); /* NULL when absent */
struct sv http_body(const struct http_exchange *x);

/* content_type may be NULL for an empty body; body is copied. */
void http_respond(struct http_exchange *x, unsigned status, const char *content_type,
                  struct sv body);
/* The body is {"message": text}. */
void http_respond_error(struct http_exchange *x, unsigned status, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
