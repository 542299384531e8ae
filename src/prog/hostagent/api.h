/*
 * HTTP API of the host agent on ha.sock (reference: runtime section 8).
 */
#ifndef PROG_HOSTAGENT_API_H
#define PROG_HOSTAGENT_API_H

#include <stdint.h>

#include "svc/loop/http_server.h"

struct disks;
struct forwards;
struct mounts;

/* What the API tells. Borrowed, read when a request comes. */
struct api_facts {
    uint16_t ssh_port;                   /* 0 = not known yet */
    const char *auto_started_identifier; /* NULL or "" = none */
    struct forwards *forwards;           /* NULL = there are none (yet) */
    struct mounts *mounts;               /* likewise */
    struct disks *disks;                 /* likewise */
};

struct http_server *api_open(struct uv_loop_s *loop, const char *path,
                             const struct api_facts *facts, struct err **errp);

#endif
