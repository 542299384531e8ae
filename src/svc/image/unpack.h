/*
 * Stores a fetched file: a copy that shares blocks where the file system can, or its decompressed content.
 */
#ifndef SVC_IMAGE_UNPACK_H
#define SVC_IMAGE_UNPACK_H

#include <stdbool.h>

#include "base/err.h"
#include "svc/fetch/progress.h"
#include "svc/image/probe.h"

struct unpack {
    int fd;               /* read from its start; borrowed */
    const char *location; /* for messages */
    const char *path;     /* replaced atomically, mode 0644 */
    bool decompress;
    struct progress *progress;
};

/* Zeros become holes. ERR_INVALID when the compressed data is damaged or cut off. */
bool unpack_file(const struct unpack *unpack, struct err **errp) MUST_USE;

#endif
