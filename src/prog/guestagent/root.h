/*
 * The files of a root file system, wherever it is mounted. Every path is taken from a directory
 * descriptor; links are followed as the system that lives there would follow them, and nothing
 * leads out.
 *
 * Changes of files are staged: root_put() writes the new file beside the old one, root_commit()
 * makes all of them durable with one sync and renames them into place. Who loses power has, of
 * every file, the old or the new one; what was staged and not committed is overwritten the next
 * time. A file that is already as wanted is left alone, so a second run writes and syncs nothing.
 */
#ifndef PROG_GUESTAGENT_ROOT_H
#define PROG_GUESTAGENT_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/vec.h"

struct root_staged {
    int dir_fd;
    char *temp_name, *name;
};

struct root {
    int fd;
    VEC(struct root_staged) staged;
};
#define ROOT_NONE ((struct root){ .fd = -1 })

struct root_attr {
    mode_t mode;
    uid_t uid;
    gid_t gid;
};
#define ROOT_FILE(mode_) ((struct root_attr){ .mode = (mode_) })

bool root_open(struct root *root, const char *path, struct err **errp) MUST_USE;
/* Removes what was staged and not committed. */
void root_done(struct root *root);
#define auto_root AUTO_CALL(root_done)

/* A file or directory of any kind, links followed. */
bool root_has(const struct root *root, const char *path);
/* O_CLOEXEC is added. ERR_NOT_FOUND when missing. */
bool root_open_file(const struct root *root, const char *path, int flags, int *out_fd,
                    struct err **errp) MUST_USE;
/* Appends the whole file; ERR_NOT_FOUND when missing. */
bool root_read(const struct root *root, const char *path, size_t limit, struct sb *out,
               struct err **errp) MUST_USE;
/* Creates a directory with root as its owner, and what is missing above it (0755). */
bool root_make_dir(const struct root *root, const char *path, mode_t mode,
                   struct err **errp) MUST_USE;

/* Stage a file or a symbolic link; the directory must exist. A link in its place is replaced. */
bool root_put(struct root *root, const char *path, struct sv bytes, struct root_attr attr,
              struct err **errp) MUST_USE;
bool root_put_link(struct root *root, const char *path, const char *target,
                   struct err **errp) MUST_USE;
/* root_put() in an open directory, which is not followed any further. */
bool root_put_at(struct root *root, int dir_fd, const char *name, struct sv bytes,
                 struct root_attr attr, struct err **errp) MUST_USE;
/* At once; absent is fine. */
bool root_remove(const struct root *root, const char *path, struct err **errp) MUST_USE;
bool root_commit(struct root *root, struct err **errp) MUST_USE;

#endif
