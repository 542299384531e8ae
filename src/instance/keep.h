/*
 * What happens to an instance directory as a whole: removed, reset, protected. The instance does not
 * run; the caller holds its lock.
 */
#ifndef INSTANCE_KEEP_H
#define INSTANCE_KEEP_H

#include <stdbool.h>

#include "base/err.h"
#include "svc/fetch/progress.h"

/* Removes dir and all below it. It leaves the list of instances at once, by a rename, so a removal
 * that is interrupted leaves no half of an instance; keep_sweep() finishes it. */
bool keep_remove(const char *dir, struct err **errp) MUST_USE;
/* Finishes removals and creations below lima_home that were interrupted. Problems are only logged at
 * debug: they are no reason for a later command to fail. */
void keep_sweep(const char *lima_home);

/* Removes every file but the configuration (*.yaml, *.yml), lima-version, protected and
 * vz-identifier. A directory that is not empty stays, with a note. */
bool keep_reset(const char *dir, struct progress *progress, struct err **errp) MUST_USE;

bool keep_protect(const char *dir, struct err **errp) MUST_USE;
bool keep_unprotect(const char *dir, struct err **errp) MUST_USE;

/* A new directory beside instances, invisible to them, that keep_sweep() takes for abandoned once
 * nobody holds *out_lock. The caller renames it, or removes it. */
bool keep_new_dir(const char *lima_home, char **out_dir, int *out_lock, struct err **errp) MUST_USE;

#endif
