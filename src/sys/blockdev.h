/*
 * Block devices of this host as something to give away: opened only when nothing else uses them,
 * and then for this process (and whoever gets the descriptor) alone. The kernel keeps a claim on
 * the whole disk as long as the descriptor is open anywhere: meanwhile neither it nor a partition
 * of it can be mounted.
 */
#ifndef SYS_BLOCKDEV_H
#define SYS_BLOCKDEV_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sv.h"
#include "base/vec.h"

/* Is it an absolute, cleaned path below /dev? ERR_INVALID. Pure. */
bool blockdev_path_check(const char *path, struct err **errp) MUST_USE;

/* Everything that blockdev_open() checks but the right to open it. */
bool blockdev_check(const char *path, struct err **errp) MUST_USE;
/* Opens it for reading and writing. Links are not followed. ERR_NOT_FOUND, ERR_INVALID when it is
 * no block device, ERR_BUSY when this host uses it (mounted, swap, part of another device, open for
 * somebody else alone), ERR_OS with EACCES or EPERM without the right to. */
bool blockdev_open(const char *path, int *out_fd, struct err **errp) MUST_USE;

/* Is the descriptor the device of that path, open for reading and writing? */
bool blockdev_is(int fd, const char *path);

/* The loop device over the file, such as "/dev/loop3": owned, NULL = none. block_dir is /sys/block;
 * path is absolute and without links. */
char *blockdev_find_loop(const char *block_dir, const char *path);

/*
 * How a use is found; for blockdev.c and its tests. A part is a device, its whole disk, or a
 * partition of it.
 */
struct blockdev_part {
    dev_t dev;
    char *name; /* "sdb1"; owned by the list */
};
struct blockdev_parts {
    struct blockdev_part *v;
    size_t n, cap;
};
void blockdev_parts_done(struct blockdev_parts *parts);
#define auto_blockdev_parts AUTO_CALL(blockdev_parts_done)

/* Where one of the parts is mounted, from the text of /proc/self/mountinfo: owned, NULL = nowhere.
 * Pure. File systems with device numbers of their own are known by their source. */
char *blockdev_find_mount(struct sv mountinfo, const struct blockdev_parts *parts);
/* Is one of the parts in the text of /proc/swaps? Pure. */
bool blockdev_is_swap(struct sv swaps, const struct blockdev_parts *parts);

#endif
