/*
 * The disks of the store as a person manages them (reference: cli section 10.2): made, imported,
 * grown, removed. A disk appears complete or not at all.
 */
#ifndef INSTANCE_MANAGED_DISK_H
#define INSTANCE_MANAGED_DISK_H

#include "model/store/disk.h"
#include "svc/image/probe.h"

struct disk_content {
    enum image_format format;
    uint64_t size; /* bytes, as the guest sees it */
};

/* What is in the image of a disk; an image that would make QEMU open other files is an error. */
bool managed_disk_examine(const struct disk *disk, struct disk_content *out,
                          struct err **errp) MUST_USE;

/* ERR_EXISTS when there is one of that name. */
bool managed_disk_create(const struct store *store, const char *name, enum image_format format,
                         uint64_t size, struct err **errp) MUST_USE;
/* Copies a raw or qcow2 image. */
bool managed_disk_import(const struct store *store, const char *name, const char *image_path,
                         struct err **errp) MUST_USE;
/* ERR_INVALID when the disk is larger than size. Nobody may use it. */
bool managed_disk_grow(const struct disk *disk, uint64_t size, struct err **errp) MUST_USE;
/* Whoever uses it. */
bool managed_disk_remove(const struct disk *disk, struct err **errp) MUST_USE;

/* Appends the names of the instances whose configuration has the disk among its additional ones. */
bool managed_disk_referrers(const struct store *store, const char *name, struct strv *out,
                            struct err **errp) MUST_USE;

#endif
