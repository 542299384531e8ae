/*
 * Opening what lies below a directory, by names that others have chosen: neither "..", nor a link,
 * nor a magic link of /proc leads out of it, also while somebody renames (openat2(2)). Dir.h has
 * the same with error objects.
 */
#ifndef SYS_BENEATH_H
#define SYS_BENEATH_H

#include <sys/types.h>

enum beneath_how {
    BENEATH_NO_LINKS = 1u << 0,  /* not through any link, even one that stays below */
    BENEATH_ONE_MOUNT = 1u << 1, /* not into another mount */
};

/* A descriptor (close-on-exec), or a negative errno: -EXDEV for what leads out, -ELOOP for links
 * that are not wanted. mode counts with O_CREAT and O_TMPFILE only. */
int beneath_open(int dir_fd, const char *name, int flags, mode_t mode, unsigned how);

#endif
