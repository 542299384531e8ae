/*
 * Questions to a host agent: GET on its socket (reference: runtime section 8). Blocking, without an
 * event loop. The answer is foreign bytes: a directory may hold a socket of anybody.
 */
#ifndef MODEL_STORE_HA_CLIENT_H
#define MODEL_STORE_HA_CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"
#include "base/sv.h"

struct ha_info {
    uint16_t ssh_local_port;       /* 0 = not told */
    char *auto_started_identifier; /* NULL = not told */
    struct strv errors;            /* what does not work at the moment */
};

/* GET path: appends the body of the answer to *out, whose limit bounds the answer. ERR_NOT_FOUND
 * when nobody listens, ERR_TIMEOUT, ERR_PROTOCOL; ERR_UNSUPPORTED when the host agent does not know
 * the path. */
bool ha_client_get(const char *socket_path, const char *path, unsigned timeout_ms, struct sb *out,
                   struct err **errp) MUST_USE;
/* The same for another method, with a JSON text as the body of the request. What the host agent
 * says about a failure is the text of an ERR_INVALID. */
struct ha_request {
    const char *method, *path; /* borrowed */
    struct sv body;
    unsigned timeout_ms;
};
bool ha_client_call(const char *socket_path, const struct ha_request *request, struct sb *out,
                    struct err **errp) MUST_USE;
/* The body of a whole HTTP response with status 200 or 204. Pure. */
bool ha_response_body(struct sv response, struct sv *out_body, struct err **errp) MUST_USE;

/* GET /v1/info. */
bool ha_client_info(const char *socket_path, unsigned timeout_ms, struct ha_info *out,
                    struct err **errp) MUST_USE;
void ha_info_done(struct ha_info *info);

/* Decodes a whole HTTP response to that question. Pure. */
bool ha_info_decode(struct sv response, struct ha_info *out, struct err **errp) MUST_USE;

#endif
