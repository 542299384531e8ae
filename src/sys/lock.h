/*
 * Advisory locks (flock) on files and directories. The descriptor is the lock: closing it, also by
 * dying, releases it. Children do not inherit it (close-on-exec).
 *
 *     auto_fd int lock = -1;
 *
 *     if (!lock_dir(path, LOCK_TRY, &lock, errp))
 *         return false;
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>

#include "base/err.h"

enum lock_wait {
    LOCK_TRY,  /* ERR_BUSY when somebody else has it */
    LOCK_WAIT, /* until it is free; a handled signal ends the wait with ERR_CANCELED */
};

/* An existing directory. */
bool lock_dir(const char *path, enum lock_wait wait, int *out_fd, struct err **errp) MUST_USE;
/* A file of its own, created with mode 0600 when missing and never removed. */
bool lock_file(const char *path, enum lock_wait wait, int *out_fd, struct err **errp) MUST_USE;

#endif
