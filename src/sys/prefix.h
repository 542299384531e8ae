/*
 * Where this installation lies. Programs find it from their own path, so that a prefix can be moved
 * as a whole: PREFIX/bin/limactl, PREFIX/libexec/lima/hostagent, PREFIX/share/lima/...
 */
#ifndef SYS_PREFIX_H
#define SYS_PREFIX_H

#include <stdbool.h>

#include "base/err.h"

/* Full path of the running program, links resolved. */
bool prefix_self(char **out_path, struct err **errp) MUST_USE;
/* The directory above bin/ or libexec/lima/ of the running program. */
bool prefix_dir(char **out_dir, struct err **errp) MUST_USE;
/* Prefix of a program path, NULL when it lies in neither place. Pure. */
char *prefix_of(const char *program_path);
/* PREFIX/relative, for example "libexec/lima/hostagent"; ERR_NOT_FOUND when it does not exist. */
bool prefix_find(const char *relative, char **out_path, struct err **errp) MUST_USE;

#endif
