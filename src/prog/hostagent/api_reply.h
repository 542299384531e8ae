/*
 * Answers of the HTTP API: a JSON value, nothing at all, an error with its hint.
 */
#ifndef PROG_HOSTAGENT_API_REPLY_H
#define PROG_HOSTAGENT_API_REPLY_H

#include <jansson.h>

#include "base/err.h"
#include "svc/loop/http_server.h"

void api_reply(struct http_exchange *x, const json_t *value);
void api_reply_error(struct http_exchange *x, unsigned status, const struct err *err);
/* What a request of an outcome comes to: take_value when there is no error. */
void api_reply_outcome(struct http_exchange *x, json_t *take_value, const struct err *err);
/* The same for what leaves nothing to tell. */
void api_reply_done(struct http_exchange *x, const struct err *err);

#endif
