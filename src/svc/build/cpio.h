/*
 * cpio archives in the "newc" format that the kernel unpacks as initramfs: a builder, and the length of an
 * archive that others follow. Pure.
 *
 *     struct cpio cpio = { 0 };
 *
 *     cpio_put_dir(&cpio, "dev", 0755);
 *     cpio_put_file(&cpio, "init", 0755, bytes);
 *     cpio_end(&cpio);
 *     ... cpio.out ...
 *     sb_done(&cpio.out);
 */
#ifndef SVC_BUILD_CPIO_H
#define SVC_BUILD_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sb.h"
#include "base/sv.h"

struct cpio {
    struct sb out;
    uint32_t n_entries; /* serves as inode number */
};

/* Everything belongs to root and has the time stamp 0, so that equal content gives equal archives. */
void cpio_put_dir(struct cpio *cpio, const char *path, unsigned mode);
void cpio_put_file(struct cpio *cpio, const char *path, unsigned mode, struct sv bytes);
void cpio_put_char_device(struct cpio *cpio, const char *path, unsigned mode, unsigned major,
                          unsigned minor);
void cpio_end(struct cpio *cpio); /* the trailer, padded so that another archive may follow */

/* Length of the first archive in bytes, with its trailer and padding; false: there is none. */
bool cpio_length(struct sv bytes, size_t *out_length);

#endif
