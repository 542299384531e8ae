/*
 * Disks of instances made before Lima 2.1: "diffdisk", a qcow2 file whose backing file is
 * "basedisk" (or which stands alone), and an ISO under the name "basedisk" (reference: runtime
 * section 10.2).
 */
#ifndef DRIVER_QEMU_DISK_LEGACY_H
#define DRIVER_QEMU_DISK_LEGACY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

/* Gives old files their new names by links; the old ones stay, so that an old Lima can still start
 * the instance. Does nothing when "disk" exists. */
bool qemu_disk_link_legacy(const char *dir, struct err **errp) MUST_USE;

/* Name of the backing file in a qcow2 header, owned. False when head is no qcow2 of a version we
 * know, has no backing file, or has features besides (an external data file, for one). */
bool qcow2_backing_name(struct sv head, char **out_name);

/* Is the disk a qcow2 file backed by the "basedisk" beside it, and is that one sound? */
bool qemu_disk_is_legacy(const char *path, const char *dir);

#endif
