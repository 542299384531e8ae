/*
 * The boot disk of an instance (reference: runtime section 10): made of the downloaded image, grown
 * to the configured size; and the format of disks, which QEMU is never left to guess.
 */
#ifndef DRIVER_QEMU_DISK_H
#define DRIVER_QEMU_DISK_H

#include "base/err.h"
#include "driver/driver_type.h"
#include "driver/qemu/argv.h"

/* Makes "disk" (and "iso") of "image" unless "disk" exists, links the files of old instances, grows
 * the disk to size bytes. Afterwards nothing is left to do. ERR_INVALID when the image is refused
 * or the disk is larger than size. */
bool qemu_disk_create(const struct driver_instance *inst, uint64_t size,
                      struct err **errp) MUST_USE;

/* Path and format of a disk that a guest may have written to: what would make QEMU open another
 * file of the host is refused. dir is the instance's directory, whose "basedisk" alone may back
 * the disk of an old instance. */
bool qemu_disk_examine(const char *path, const char *dir, struct qemu_disk *out,
                       struct err **errp) MUST_USE;

#endif
