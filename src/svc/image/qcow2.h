/*
 * The header of a qcow2 file (QEMU's docs/interop/qcow2.txt, versions 2 and 3). Pure: it decides whether
 * QEMU and qemu-img may see an image that somebody else made.
 */
#ifndef SVC_IMAGE_QCOW2_H
#define SVC_IMAGE_QCOW2_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

/* The header and its extensions end before the first cluster does, which has at most 2 MiB; longer
 * headers than this are refused. */
#define QCOW2_HEADER_MAX (64u << 10)

struct qcow2_header {
    uint32_t version;
    uint32_t cluster_bits;
    uint64_t virtual_size;
    uint64_t backing_file_offset; /* 0 = none */
    uint32_t crypt_method;
    uint32_t l1_size; /* entries */
    uint64_t l1_table_offset;
    uint64_t incompatible_features;
    bool has_external_data; /* named in an extension */
};

bool qcow2_is(struct sv bytes);
/* bytes is the start of the file, as much as there is up to QCOW2_HEADER_MAX. ERR_INVALID names what is
 * wrong. */
bool qcow2_parse(struct sv bytes, struct qcow2_header *out, struct err **errp) MUST_USE;
/* Refuses what would make QEMU open other files, what is encrypted, damaged, or unknown. */
bool qcow2_check(const struct qcow2_header *header, struct err **errp) MUST_USE;

#endif
