/*
 * How ssh reaches an instance: program, options, port.
 */
#ifndef PROG_LIMACTL_SSH_ACCESS_H
#define PROG_LIMACTL_SSH_ACCESS_H

#include "model/store/inst_status.h"
#include "svc/ssh/options.h"

struct ssh_access {
    struct ssh_client client;
    struct strv options; /* KEY=VALUE */
    const char *address; /* borrowed from the instance */
    uint16_t port;       /* 0 = unknown */
};

/* The configuration of inst is loaded. */
bool ssh_access_open(struct ssh_access *access, const struct store *store,
                     const struct instance *inst, struct err **errp) MUST_USE;
void ssh_access_done(struct ssh_access *access);
#define auto_ssh_access AUTO_CALL(ssh_access_done)

#endif
