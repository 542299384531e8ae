/*
 * Makes a folder into a detached mount: a file system tree that no name leads to, only a
 * descriptor. The kernel enforces there that nothing is a device or sets user ids, and, where
 * asked, that nothing is written. ".." at its top leads nowhere.
 */
#ifndef PROG_EXPORTER_EXPORT_H
#define PROG_EXPORTER_EXPORT_H

#include <stdbool.h>

#include "base/err.h"

/* In a mount namespace of which this process is the master. What is mounted below the folder is
 * part of the tree; later mounts are not. ERR_UNSUPPORTED before Linux 5.12. */
bool export_folder(const char *path, bool read_only, int *out_fd, struct err **errp) MUST_USE;
/* The same; of a file the tree is a read-only directory with that alone (wire/exporter.h), whose
 * mounts this process then has in place of its own. The file is the one of that name now: another
 * that takes its place is not seen. */
bool export_folder_or_file(const char *path, bool read_only, int *out_fd,
                           struct err **errp) MUST_USE;

#endif
