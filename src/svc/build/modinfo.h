/*
 * What a kernel module says about itself: the ".modinfo" section of its ELF file (64-bit, little endian).
 * Pure.
 */
#ifndef SVC_BUILD_MODINFO_H
#define SVC_BUILD_MODINFO_H

#include <stdbool.h>

#include "base/strv.h"
#include "base/sv.h"

/* Appends the names of the modules that this one needs, '-' spelt '_': "depends", and what "softdep" wants
 * loaded before. False: not such a file. */
bool modinfo_depends(struct sv elf, struct strv *out);

/* "virtio-net.ko" and "virtio_net" name the same module: owned, '_' everywhere, without ending. */
char *modinfo_name_of(const char *file_name);

#endif
