/*
 * Brings a stopped instance to the point where its driver can start it: image, kernel, disk. Done
 * again before every start; what is there is left alone, so it may be interrupted at any moment.
 */
#ifndef INSTANCE_PREPARE_H
#define INSTANCE_PREPARE_H

#include <stdbool.h>

#include "base/err.h"
#include "driver/driver_type.h"
#include "model/store/inst_status.h"
#include "svc/fetch/progress.h"

/* The configuration of inst is loaded. ERR_UNSUPPORTED when this host or this version cannot run
 * it. */
bool prepare_instance(const struct store *store, const struct instance *inst,
                      struct progress *progress, struct err **errp) MUST_USE;
/* The checks of the above alone: nothing is made or downloaded, nor noted. */
bool prepare_check(const struct store *store, const struct instance *inst,
                   struct err **errp) MUST_USE;

/* The installed guest agent for an architecture; owned. ERR_NOT_FOUND. */
bool prepare_find_agent(const char *arch, char **out_path, struct err **errp) MUST_USE;
/* Does this instance get a guest agent? */
bool prepare_wants_agent(const struct instance_config *config);

/* The archive of containerd and nerdctl for the guest, downloaded when the cache does not have it;
 * the first for the architecture that can be had. *out_path is owned, NULL when containerd is not
 * wanted. */
bool prepare_nerdctl_archive(const struct store *store, const struct instance *inst,
                             struct progress *progress, char **out_path,
                             struct err **errp) MUST_USE;

/* inst as drivers see it, notes going to progress (may be NULL); borrows everything. */
struct driver_instance prepare_driver_instance(const struct instance *inst, const char *cache_dir,
                                               struct progress *progress);

#endif
