/*
 * /v1/disks: GET lists the disks that came while the instance ran, and its block devices; POST
 * attaches, DELETE detaches what {"disk": ABSOLUTE PATH or NAME} says.
 *
 *     {"kind": "disk" | "image" | "block-device", "name": (of a disk), "path": ..., "serial": ...,
 *      "hot": BOOL}
 */
#ifndef PROG_HOSTAGENT_API_DISKS_H
#define PROG_HOSTAGENT_API_DISKS_H

#include "svc/loop/http_server.h"

struct disks;

/* d is NULL while there is no machine. */
void api_disks_get(struct disks *d, struct http_exchange *x);
void api_disks_post(struct disks *d, struct http_exchange *x);
void api_disks_delete(struct disks *d, struct http_exchange *x);

#endif
