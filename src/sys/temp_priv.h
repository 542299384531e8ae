/*
 * A file that is being made next to the one it will replace; removed again unless it was renamed.
 */
#ifndef SYS_TEMP_PRIV_H
#define SYS_TEMP_PRIV_H

#include "base/err.h"

struct temp {
    int fd;
    char *path; /* NULL once it was renamed: nothing to remove */
};
#define TEMP_NONE ((struct temp){ .fd = -1 })

/* What a process that was killed leaves is known by it, in instance directories too. */
#define TEMP_SUFFIX ".tmp"

/* Creates target.XXXXXX.tmp, mode 0600. */
bool temp_open(struct temp *temp, const char *target, struct err **errp) MUST_USE;
void temp_done(struct temp *temp);
#define auto_temp AUTO_CALL(temp_done)

/* Copies in_fd to the empty out_fd by the cheapest means: reflink, copy in the kernel, read and
 * write. Holes stay holes. One implementation per OS. */
bool file_clone(int in_fd, const char *in_name, int out_fd, const char *out_name,
                struct err **errp) MUST_USE;

#endif
