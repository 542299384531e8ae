/*
 * Disks that come and go while the machine runs (DRIVER_CAP_HOT_DISK). A disk is known by its path.
 * What is asked is done one after the other; each question is answered once, from the loop, unless
 * the driver is closed before.
 */
#ifndef DRIVER_HOT_DISK_H
#define DRIVER_HOT_DISK_H

#include "driver/driver.h"

struct driver_hot_disk {
    const char *path;   /* of an image file, or of a block device */
    const char *serial; /* what the guest knows it by */
    int take_fd;        /* the block device, open; -1 for an image file */
};

struct driver_disk_state {
    const char *path; /* borrowed during the callback */
    bool is_block_device;
    bool is_hot; /* came while the machine ran, and can go */
};

/* err is NULL on success; borrowed. */
typedef void (*driver_done_fn)(void *arg, const struct err *err);
typedef void (*driver_disks_fn)(void *arg, const struct driver_disk_state *disks, size_t n,
                                const struct err *err);

/* The machine is RUNNING, else ERR_BUSY; ERR_UNSUPPORTED without the capability. The descriptor is
 * closed here whatever happens.
 *
 * Attaching answers ERR_EXISTS when the machine has the disk, ERR_UNSUPPORTED when it was started
 * without places for more, ERR_BUSY when they are all taken. Detaching answers ERR_NOT_FOUND, or
 * ERR_TIMEOUT when the guest does not let go; it may still do so later. */
bool driver_attach_disk(struct driver *d, const struct driver_hot_disk *disk,
                        driver_done_fn on_done, void *arg, struct err **errp) MUST_USE;
bool driver_detach_disk(struct driver *d, const char *path, driver_done_fn on_done, void *arg,
                        struct err **errp) MUST_USE;
/* Block devices that were there at the start, and all that came later. */
bool driver_list_disks(struct driver *d, driver_disks_fn on_disks, void *arg,
                       struct err **errp) MUST_USE;

#endif
