/*
 * The one question that listing asks a host agent: GET /v1/info on its socket (reference: runtime
 * section 8). Blocking, without an event loop. The answer is foreign bytes: a directory may hold a
 * socket of anybody.
 */
#ifndef MODEL_STORE_HA_CLIENT_H
#define MODEL_STORE_HA_CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

struct ha_info {
    uint16_t ssh_local_port;       /* 0 = not told */
    char *auto_started_identifier; /* NULL = not told */
};

/* ERR_NOT_FOUND when nobody listens, ERR_TIMEOUT, ERR_PROTOCOL. */
bool ha_client_info(const char *socket_path, unsigned timeout_ms, struct ha_info *out,
                    struct err **errp) MUST_USE;
void ha_info_done(struct ha_info *info);

/* Decodes a whole HTTP response to that question. Pure. */
bool ha_info_decode(struct sv response, struct ha_info *out, struct err **errp) MUST_USE;

#endif
