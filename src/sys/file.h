/*
 * Whole files: read with a limit, replace atomically, copy cheaply.
 *
 * A missing file is ERR_NOT_FOUND, a file that is in the way is ERR_EXISTS, other failures of the
 * system are ERR_OS. Reading more than the limit is ERR_INVALID. Paths are followed through links;
 * whatever a guest or a download can influence is opened with the *_at functions of dir.h instead.
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

/* Appends the whole file to *out. */
bool file_read_all(const char *path, size_t limit, struct sb *out, struct err **errp) MUST_USE;
/* The file as a string; a NUL byte in it is ERR_INVALID. */
bool file_read_text(const char *path, size_t limit, char **out_text, struct err **errp) MUST_USE;
/* The rest of an open descriptor; name is for messages. */
bool file_read_fd(int fd, const char *name, size_t limit, struct sb *out,
                  struct err **errp) MUST_USE;
/* Reads exactly size bytes at offset, or fails with ERR_INVALID when the file ends before. */
bool file_read_at(int fd, const char *name, uint64_t offset, void *out, size_t size,
                  struct err **errp) MUST_USE;

/* Writes PATH.XXXXXX.tmp, syncs it and renames it over path: readers see the old or the new bytes,
 * never a part, and nothing is left behind after a failure. */
bool file_write_atomic(const char *path, struct sv bytes, mode_t mode,
                       struct err **errp) MUST_USE;
/* All bytes to a descriptor, repeated until done; name is for messages. */
bool file_write_fd(int fd, const char *name, struct sv bytes, struct err **errp) MUST_USE;

/* The path from the root on, cleaned; "~" means nothing here. *out_path is owned. */
bool file_absolute(const char *path, char **out_path, struct err **errp) MUST_USE;
bool file_exists(const char *path); /* anything of that name, also a dangling link */
bool file_is_regular(const char *path);
bool file_is_link(const char *path);
/* What a path leads to, whatever it is called; no two that are in use at a time have the same. */
struct file_id {
    uint64_t device, inode;
};
bool file_identify(const char *path, struct file_id *out, struct err **errp) MUST_USE;
bool file_id_eq(const struct file_id *a, const struct file_id *b);
bool file_size(const char *path, uint64_t *out_size, struct err **errp) MUST_USE;
bool file_remove(const char *path, struct err **errp) MUST_USE; /* absent is fine */
bool file_rename(const char *from, const char *to, struct err **errp) MUST_USE;
/* Replaces to atomically by a copy that shares blocks with from where the file system can;
 * holes stay holes. */
bool file_copy(const char *from, const char *to, mode_t mode, struct err **errp) MUST_USE;
/* The same from an open file, from its start; name is for messages. */
bool file_copy_fd(int from_fd, const char *name, const char *to, mode_t mode,
                  struct err **errp) MUST_USE;

#endif
