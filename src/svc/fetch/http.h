/*
 * One HTTP request, blocking. The only user of libcurl here, which is loaded at the first request.
 */
#ifndef SVC_FETCH_HTTP_H
#define SVC_FETCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Head of the final response, after redirections. */
struct http_head {
    unsigned status;
    char *last_modified; /* verbatim; "" when absent, like the others */
    char *etag;
    char *content_type;
    uint64_t content_length; /* 0 = unknown */
    uint64_t range_from;     /* of a 206: where its bytes belong */
};
void http_head_done(struct http_head *head);
#define auto_http_head AUTO_CALL(http_head_done)

struct http_request {
    const char *url; /* all members are borrowed */
    bool head_only;
    uint64_t range_from;  /* > 0: asks for the rest from there, */
    const char *if_range; /* if the resource still has this ETag or date; NULL = in any case */
    /* Called for the body of a 200 or 206, the first time with n 0 as soon as the head is complete. False
     * ends the transfer with that error. */
    bool (*on_body)(void *data, const struct http_head *head, const void *bytes, size_t n,
                    struct err **errp);
    void *data;
};

/* True when there was a 2xx response of which everything arrived. Otherwise ERR_NOT_FOUND (404, 410),
 * ERR_PROTOCOL (another status), ERR_TIMEOUT (broke off, refused, too slow: another try may help; also 5xx,
 * 408, 429), ERR_INVALID (no such URL). out_head may be NULL; it is valid whenever its status is not 0. */
bool http_run(const struct http_request *req, struct http_head *out_head,
              struct err **errp) MUST_USE;

/* Two values of Last-Modified. */
bool http_same_date(const char *a, const char *b);

#endif
