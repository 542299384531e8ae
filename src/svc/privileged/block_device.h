/*
 * Block devices of this host for guests: opened by this process where the user may, else by
 * `privileged` through sudo, when a rule of sudoers allows it (wire/privileged.h). All checks of
 * sys/blockdev.h are made either way.
 *
 * Blocking, for as long as sudo takes; may be called on a thread of its own.
 */
#ifndef SVC_PRIVILEGED_BLOCK_DEVICE_H
#define SVC_PRIVILEGED_BLOCK_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* A link, such as those below /dev/disk/by-id, is followed. dir is a directory of the user's that
 * nobody else may enter, where a socket lives meanwhile. Errors as of blockdev_open(); without the
 * right ERR_UNSUPPORTED, whose hint is the command that gives it. */
bool block_device_open(const char *path, const char *dir, int *out_fd, struct err **errp) MUST_USE;

/* What the guest knows a device by: "sdb" of "/dev/sdb", at most 20 characters; owned. Pure
 * (reference: runtime section 23). */
char *block_device_serial(const char *path);

/* The line of sudoers that lets a user have `privileged`, at that path, open a device. ERR_INVALID
 * when sudoers cannot name them. Owned. Pure. */
bool block_device_rule(const char *user, uid_t uid, const char *program, const char *device,
                       char **out_rule, struct err **errp) MUST_USE;
/* The installed `privileged`, which only root can have changed; else ERR_INVALID. Owned. */
bool block_device_program(char **out_path, struct err **errp) MUST_USE;
/* Does sudo run it for this user without a password? */
bool block_device_is_allowed(const char *program, const char *device);
/* The device behind a link; owned. ERR_INVALID when it is none below /dev. */
bool block_device_resolve(const char *path, char **out_device, struct err **errp) MUST_USE;

#endif
