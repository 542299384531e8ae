#include "svc/image/qcow2.h"

#define MAGIC "QFI\xfb"
#define HEADER_SIZE_V2 72
#define HEADER_SIZE_V3 104
#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
/* QEMU's own limit: 32 MiB of entries. */
#define L1_SIZE_MAX (32u << 20 >> 3)

enum incompatible_feature {
    FEATURE_DIRTY = 1u << 0,
    FEATURE_CORRUPT = 1u << 1,
    FEATURE_EXTERNAL_DATA = 1u << 2,
    FEATURE_COMPRESSION = 1u << 3,
    FEATURE_EXTENDED_L2 = 1u << 4,
    FEATURES_KNOWN = FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_EXTERNAL_DATA |
                     FEATURE_COMPRESSION | FEATURE_EXTENDED_L2,
};

enum extension {
    EXTENSION_END = 0,
    EXTENSION_EXTERNAL_DATA = 0x44415441,
};

/* at + 4 or at + 8 lies within bytes: the callers have checked. */
static uint32_t get_u32(struct sv bytes, size_t at)
{
    const unsigned char *p = (const unsigned char *)bytes.p + at;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get_u64(struct sv bytes, size_t at)
{
    return (uint64_t)get_u32(bytes, at) << 32 | get_u32(bytes, at + 4);
}

bool qcow2_is(struct sv bytes)
{
    return sv_starts(bytes, SV(MAGIC));
}

static bool parse_extensions(struct sv bytes, size_t at, struct qcow2_header *out,
                             struct err **errp)
{
    while (bytes.n - at >= 8) {
        uint32_t type = get_u32(bytes, at);
        uint32_t length = get_u32(bytes, at + 4);

        if (type == EXTENSION_END)
            return true;
        if (type == EXTENSION_EXTERNAL_DATA)
            out->has_external_data = true;
        at += 8;
        if (length > bytes.n - at)
            break;
        at += length;
        at += (8 - length % 8) % 8;
        if (at > bytes.n)
            break;
    }
    return err_set(errp, ERR_INVALID, "the header extensions have no end");
}

bool qcow2_parse(struct sv bytes, struct qcow2_header *out, struct err **errp)
{
    struct qcow2_header header = { 0 };
    size_t header_size = HEADER_SIZE_V2;

    if (!qcow2_is(bytes) || bytes.n < HEADER_SIZE_V2)
        return err_set(errp, ERR_INVALID, "the qcow2 header is cut off");
    header.version = get_u32(bytes, 4);
    header.backing_file_offset = get_u64(bytes, 8);
    header.cluster_bits = get_u32(bytes, 20);
    header.virtual_size = get_u64(bytes, 24);
    header.crypt_method = get_u32(bytes, 32);
    header.l1_size = get_u32(bytes, 36);
    header.l1_table_offset = get_u64(bytes, 40);

    if (header.version != 2 && header.version != 3)
        return err_set(errp, ERR_INVALID, "unknown qcow2 version %u", header.version);
    if (header.version == 3) {
        if (bytes.n < HEADER_SIZE_V3)
            return err_set(errp, ERR_INVALID, "the qcow2 header is cut off");
        header.incompatible_features = get_u64(bytes, 72);
        header_size = get_u32(bytes, 100);
        if (header_size < HEADER_SIZE_V3 || header_size > bytes.n)
            return err_set(errp, ERR_INVALID, "impossible qcow2 header length %zu", header_size);
    }
    if (header.cluster_bits < CLUSTER_BITS_MIN || header.cluster_bits > CLUSTER_BITS_MAX)
        return err_set(errp, ERR_INVALID, "impossible qcow2 cluster size 2^%u",
                       header.cluster_bits);
    if (header.virtual_size > INT64_MAX || header.l1_size > L1_SIZE_MAX)
        return err_set(errp, ERR_INVALID, "impossible qcow2 virtual size");
    if (!parse_extensions(bytes, header_size, &header, errp))
        return false;
    *out = header;
    return true;
}

bool qcow2_check(const struct qcow2_header *header, struct err **errp)
{
    uint64_t unknown = header->incompatible_features & ~(uint64_t)FEATURES_KNOWN;

    if (header->backing_file_offset != 0)
        return err_set(errp, ERR_INVALID, "it has a backing file, which images must not have");
    if (header->has_external_data || (header->incompatible_features & FEATURE_EXTERNAL_DATA))
        return err_set(errp, ERR_INVALID,
                       "it has an external data file, which images must not have");
    if (header->crypt_method != 0)
        return err_set(errp, ERR_UNSUPPORTED, "it is encrypted");
    if (header->incompatible_features & FEATURE_CORRUPT)
        return err_set(errp, ERR_INVALID, "it is marked as corrupt");
    if (unknown != 0)
        return err_set(errp, ERR_UNSUPPORTED, "it uses unknown features (bits 0x%llx)",
                       (unsigned long long)unknown);
    return true;
}
