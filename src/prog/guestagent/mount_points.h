/*
 * Mount points of all mount namespaces of the guest, as far as they lie in one file system.
 */
#ifndef PROG_GUESTAGENT_MOUNT_POINTS_H
#define PROG_GUESTAGENT_MOUNT_POINTS_H

#include <stdbool.h>

#include "base/sv.h"

/* Is the directory name of dir_fd, or one below it, a mount point anywhere? Also true when that
 * cannot be told. top: the path at which the file system is mounted by its root, in the mount
 * namespace of dir_fd. */
bool mount_points_below(int dir_fd, const char *name, const char *top);

/* The same for a text of /proc/PID/mountinfo: path as seen from the top of the file system with
 * this device. */
bool mount_points_has(struct sv mountinfo, unsigned major, unsigned minor, const char *path);

#endif
