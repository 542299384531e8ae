/*
 * Folders that the machine itself serves by 9p and that come and go while it runs
 * (DRIVER_CAP_HOT_SHARE). One is known by its tag, to the guest, too.
 */
#ifndef DRIVER_HOT_SHARE_H
#define DRIVER_HOT_SHARE_H

#include "driver/driver.h"

struct driver_hot_share {
    const char *path; /* absolute; a directory */
    const char *tag;  /* a letter, then letters, digits and "-"; at most 31 */
    bool is_read_only;
};

/* Answered once, from the loop, unless the driver is closed before; err is NULL on success, else
 * borrowed. */
typedef void (*driver_share_fn)(void *arg, const struct err *err);

/* The machine is RUNNING, else ERR_BUSY; ERR_UNSUPPORTED without the capability.
 *
 * Attaching answers ERR_EXISTS when the machine has the tag, ERR_UNSUPPORTED when it was started
 * without places for folders, ERR_BUSY when they are all taken. Detaching is for a folder that the
 * guest has unmounted; it lets go a moment later. */
bool driver_attach_share(struct driver *d, const struct driver_hot_share *share,
                         driver_share_fn on_done, void *arg, struct err **errp) MUST_USE;
bool driver_detach_share(struct driver *d, const char *tag, struct err **errp) MUST_USE;

#endif
