/*
 * Folders of the host as directories of the guest. The file system device has them all in one file
 * system (share_all.h); a mount point gets a mount of its folder. So adding one is no more than
 * that, at boot and later alike. A folder that QEMU serves by 9p is a device and a file system of
 * its own.
 */
#ifndef PROG_GUESTAGENT_SHARE_H
#define PROG_GUESTAGENT_SHARE_H

#include <stdbool.h>

#include "base/err.h"

struct share {
    const char *name;        /* of the export, or EXPORT/FILE; of 9p the tag of the device */
    const char *mount_point; /* absolute; made if it is missing */
    const char *options_9p;  /* of its file system; "" = it is not one of 9p */
    bool read_only;
    bool waits; /* for the device, which the host has just plugged in */
};

/* Waits a moment for the host to export the folder. Nothing happens when it is mounted there
 * already, also below something that the guest has mounted over it. ERR_UNSUPPORTED: this kernel,
 * or this machine, cannot do it; the hint says what would help. */
bool share_mount(const struct share *share, struct err **errp) MUST_USE;
/* ERR_BUSY while something uses it, or is mounted in it, unless lazy: then it goes, with what is
 * mounted in it, when nothing uses it any more. Also while something else is mounted over it. What
 * is not the share, but something that the guest has mounted in its place, is left. Lazily, a
 * process stays behind for two seconds, to let go of what was in use until just now. */
bool share_unmount(const struct share *share, bool lazy, struct err **errp) MUST_USE;

#endif
