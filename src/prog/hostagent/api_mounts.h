/*
 * /v1/mounts (reference: runtime section 8.2): GET lists, POST adds, DELETE removes. Beyond that
 * reference: "force" in a DELETE detaches a mount that is in use, and a GET tells "state" and
 * "error".
 */
#ifndef PROG_HOSTAGENT_API_MOUNTS_H
#define PROG_HOSTAGENT_API_MOUNTS_H

#include "svc/loop/http_server.h"

struct mounts;

/* m is NULL while there is no machine. */
void api_mounts_get(const struct mounts *m, struct http_exchange *x);
void api_mounts_post(struct mounts *m, struct http_exchange *x);
void api_mounts_delete(struct mounts *m, struct http_exchange *x);

#endif
