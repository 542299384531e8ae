/*
 * Directories. Errors as in file.h.
 */
#ifndef SYS_DIR_H
#define SYS_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"

bool dir_exists(const char *path); /* a directory, or a link to one */
/* Creates path; an existing one is ERR_EXISTS. */
bool dir_make(const char *path, mode_t mode, struct err **errp) MUST_USE;
/* Creates path and what is missing above it, all with mode; existing ones are left as they are. */
bool dir_make_all(const char *path, mode_t mode, struct err **errp) MUST_USE;
/* Names without "." and "..", in byte order, appended to *out. */
bool dir_list(const char *path, struct strv *out, struct err **errp) MUST_USE;
/* Removes path and everything below. Links are removed, never followed, even while somebody
 * exchanges directories for links; absent is fine. */
bool dir_remove_tree(const char *path, struct err **errp) MUST_USE;
/* Makes a rename or removal inside path durable. */
bool dir_sync(const char *path, struct err **errp) MUST_USE;
/* A new directory PREFIX + random letters, mode 0700. */
bool dir_make_temp(const char *prefix, char **out_path, struct err **errp) MUST_USE;

/* The directory as a descriptor for the *at functions. */
bool dir_open(const char *path, int *out_fd, struct err **errp) MUST_USE;
/* Opens name (which may have slashes) below dir_fd with open flags; neither ".." nor a link nor a
 * mount leads out of it. flags may hold O_CREAT, then mode counts. */
bool dir_open_beneath(int dir_fd, const char *name, int flags, mode_t mode, int *out_fd,
                      struct err **errp) MUST_USE;

#endif
