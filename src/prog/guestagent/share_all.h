/*
 * The file system with all of the host's folders, each under its name, as the file system device
 * has it. It is mounted in a mount namespace of its own (share_ns.h), in which there is nothing
 * else: `df`, `mount` and whoever walks through all files do not come upon it, and nothing of the
 * guest is kept in use by it.
 *
 * Linux before 5.2 cannot hand a mount from one namespace to another. There it is mounted in that
 * of the guest, where only root can look.
 *
 * Not for programs with threads: the process goes to that namespace and comes back.
 */
#ifndef PROG_GUESTAGENT_SHARE_ALL_H
#define PROG_GUESTAGENT_SHARE_ALL_H

#include <stdbool.h>
#include <sys/mount.h>

#include "base/err.h"
#include "base/sb.h"
#include "prog/guestagent/share_ns.h"

/* In either namespace. Only root may look into the file system itself. */
#define SHARE_ALL_DIR SHARE_PRIVATE_DIR "/all"
/* Of mounts of it, and of its folders. */
#define SHARE_FLAGS   (MS_NOSUID | MS_NODEV)

struct share_all {
    int fd;    /* O_PATH: its root; good for the *at functions in any namespace */
    int ns_fd; /* -1: it is in that of the guest */
};
#define SHARE_ALL_NONE ((struct share_all){ -1, -1 })

/* Mounts it, unless it is; waits a moment for the device. ERR_UNSUPPORTED: this kernel, or this
 * machine, cannot do it; the hint says what would help. */
bool share_all_open(struct share_all *out, bool waits, struct err **errp) MUST_USE;
void share_all_close(struct share_all *all);
#define auto_share_all AUTO_CALL(share_all_close)

/* Mounts what the name leads to, also on mount_point. */
bool share_all_bind(const struct share_all *all, const char *name, const char *mount_point,
                    struct err **errp) MUST_USE;
/* Lets go of the folder, whose mount point is no more. With what looking at it has mounted
 * everything goes that the kernel has cached of it. True: there was no such mount; the kernel has
 * dropped what nobody uses. Nothing happens when the whole is not mounted. */
bool share_all_drop(const char *export);
/* Appends the table of mounts of the guest, and what there is in the namespace of the whole. */
bool share_all_mountinfo(struct sb *out, struct err **errp) MUST_USE;

#endif
