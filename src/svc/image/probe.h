/*
 * What a disk image file is, told from its own bytes: format, compression, virtual size. Nothing of the
 * file's name is believed and no external program sees it.
 */
#ifndef SVC_IMAGE_PROBE_H
#define SVC_IMAGE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum image_format {
    IMAGE_RAW, /* whatever has no magic of its own */
    IMAGE_QCOW2,
    IMAGE_ISO,
    IMAGE_VMDK,
    IMAGE_VHDX,
    IMAGE_VDI,
    IMAGE_FORMAT_COUNT,
};

enum image_packing {
    IMAGE_PLAIN,
    IMAGE_GZIP,
    IMAGE_BZIP2,
    IMAGE_XZ,
    IMAGE_ZSTD,
    IMAGE_PACKING_COUNT,
};

/* As QEMU spells it: "raw", "qcow2", "vmdk", "vhdx", "vdi"; an ISO is "iso" here, QEMU reads it raw. */
const char *image_format_name(enum image_format format);

struct image_info {
    enum image_format format;
    uint64_t file_size;
    uint64_t virtual_size; /* 0 when the format does not tell without parsing more (vmdk, vhdx) */
};

/* fd is read with pread; name is for messages. */
bool image_probe(int fd, const char *name, struct image_info *out, struct err **errp) MUST_USE;
bool image_probe_file(const char *path, struct image_info *out, struct err **errp) MUST_USE;

/* Compression of a file, told by its magic. A location that ends in ".gz", ".bz2", ".xz" or ".zst" must
 * hold what it says. */
bool image_packing_of(int fd, const char *location, enum image_packing *out,
                      struct err **errp) MUST_USE;

/* For images of others: refuses, before QEMU or qemu-img open it, a qcow2 with a backing file, an
 * external data file, encryption or unknown incompatible features; a VMDK whose extents are other
 * files; files that are cut off, and what is no disk at all (empty, HTML, text, an archive). */
bool image_check_untrusted(int fd, const char *name, struct image_info *out,
                           struct err **errp) MUST_USE;
/* Refuses raw bytes that no firmware could boot from. */
bool image_check_bootable(int fd, const char *name, struct err **errp) MUST_USE;
/* image_check_untrusted() for a disk that a guest has written to: raw bytes may be anything,
 * or nothing. */
bool image_check_used(int fd, const char *name, struct image_info *out, struct err **errp) MUST_USE;

#endif
