/*
 * One folder of the host in the guest by reverse-sshfs (reference: runtime section 20.1): sshfs
 * runs in the guest, through an ssh connection of its own, and speaks SFTP over its standard
 * streams with an `exporter` that serves the folder here. Both end with this process.
 *
 *     STARTING --> MOUNTED --> WAITING --> STARTING ...
 *         `--> (on_failed)       ^ the connection was lost
 *
 * No callback comes from inside a call. sshfs_close() may be called from callbacks and on NULL.
 */
#ifndef PROG_HOSTAGENT_SSHFS_H
#define PROG_HOSTAGENT_SSHFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "prog/hostagent/guest_ssh.h"

struct sshfs;
struct uv_loop_s;

struct sshfs_events {
    /* For the first time, and again after a loss. */
    void (*on_mounted)(void *arg);
    /* The connection is gone; it is made anew by itself. */
    void (*on_lost)(void *arg);
    /* There is no mount, and there will be none: the start failed, or somebody has unmounted it. */
    void (*on_failed)(void *arg, const struct err *err);
};

/* What this points to is borrowed for the life of the object, texts of the mount for the call. */
struct sshfs_params {
    struct uv_loop_s *loop;
    struct guest_ssh ssh;
    const char *exporter; /* the program; NULL: that of this installation */
    const char *location, *mount_point;
    const char *sftp_driver; /* as configured */
    bool writable, cache, follow_links;
    uint32_t guest_id; /* user and group in the guest to whom this user's files belong */
    const struct sshfs_events *events;
    void *arg;
};

/* Fails for a driver that is not known or not there. */
struct sshfs *sshfs_open(const struct sshfs_params *params, struct err **errp);
void sshfs_close(struct sshfs *s);

#endif
