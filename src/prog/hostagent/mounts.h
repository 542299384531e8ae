/*
 * The folders of the host that the guest has: those of the configuration, served over the file
 * system device (mount type virtiofs). Each is made into a detached mount by `exporter`, and handed
 * to `devices`; the guest mounts what its seed names.
 *
 *     open -> (attach -> detach)* -> close
 *
 * Exports belong to `devices`, not to this process: a host agent that takes over a running machine
 * finds those of the one before.
 */
#ifndef PROG_HOSTAGENT_MOUNTS_H
#define PROG_HOSTAGENT_MOUNTS_H

#include "base/strv.h"
#include "model/config/instance.h"

struct devices_client;
struct mounts;
struct uv_loop_s;

/* The configuration is borrowed. */
struct mounts *mounts_open(struct uv_loop_s *loop, const struct instance_config *config);
void mounts_close(struct mounts *m); /* NULL is allowed */

/* The way to `devices`, or NULL where there is none: then nothing can be mounted. */
void mounts_attach(struct mounts *m, struct devices_client *devices);
/* It is gone. */
void mounts_detach(struct mounts *m);
/* What could not be shared, one text each. */
void mounts_errors(const struct mounts *m, struct strv *out);

#endif
