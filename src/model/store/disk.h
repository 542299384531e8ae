/*
 * Additional disks below _disks, and who uses them (reference: config section 15). What is in the
 * image file is the business of svc/image.
 */
#ifndef MODEL_STORE_DISK_H
#define MODEL_STORE_DISK_H

#include "model/store/store.h"

struct disk {
    char *name, *dir;
    char *data_path;    /* dir/datadisk */
    char *instance_dir; /* that has it attached; NULL = free */
};

bool disk_list(const struct store *store, struct strv *out_names, struct err **errp) MUST_USE;
/* ERR_NOT_FOUND. */
bool disk_find(struct disk *out, const struct store *store, const char *name,
               struct err **errp) MUST_USE;
void disk_done(struct disk *disk);
#define auto_disk AUTO_CALL(disk_done)

/* Attaches to an instance; doing so again is fine. ERR_BUSY names the instance that has it. */
bool disk_lock(const struct disk *disk, const char *instance_dir, struct err **errp) MUST_USE;
/* Frees it whoever has it. */
bool disk_unlock(const struct disk *disk, struct err **errp) MUST_USE;
/* Frees all that an instance has, whose machine is gone. Goes on after a failure; the first counts.
 */
bool disk_unlock_all(const struct store *store, const char *instance_dir,
                     struct err **errp) MUST_USE;

#endif
