/*
 * Mounting what a system needs before, or instead of, an init of its own; the change of the root.
 * The end of all mounts is in unmount.h.
 */
#ifndef PROG_GUESTAGENT_MOUNTS_H
#define PROG_GUESTAGENT_MOUNTS_H

#include <stdbool.h>

#include "base/err.h"

/* /proc, /sys, /dev and /run, unless they are there. */
bool mounts_early(struct err **errp) MUST_USE;
/* /dev/pts, /dev/shm and the cgroup tree, which other inits mount themselves. */
void mounts_late(void);

/* Is something mounted exactly there? */
bool mounts_is_mount_point(const char *dir);
/* Pauses for a moment; false after five seconds in all. *times starts with 0. */
bool mounts_look_again(unsigned *times);
/* Detaches what a device served that is gone, even if programs use it still. Attributes may still
 * be in a cache; what is asked here never is. */
void mounts_detach_stale(const char *dir);
bool mounts_add(const char *device, const char *dir, const char *type, unsigned long flags,
                const char *data, struct err **errp) MUST_USE;

/* Makes new_root the root of this process and of all that follow, with the mounts of
 * mounts_early(), and empties the old one, an initramfs. */
bool mounts_switch_root(const char *new_root, struct err **errp) MUST_USE;

/* Grows the mounted ext4 file system to the size of its device; other file systems are left alone.
 * *out_grown says whether there was anything to do. */
bool mounts_grow(const char *dir, bool *out_grown, struct err **errp) MUST_USE;

#endif
