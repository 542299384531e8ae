#include "svc/image/vmdk.h"

#include <stdint.h>
#include <string.h>

#define SPARSE_MAGIC "KDMV"
#define DESCRIPTOR_MAGIC "# Disk DescriptorFile"
#define DESCRIPTOR_OFFSET_AT 28 /* in sectors, 64 bits, little endian */
#define DESCRIPTOR_SIZE_AT 36
#define SECTOR 512

bool vmdk_is(struct sv bytes)
{
    return sv_starts(bytes, SV(SPARSE_MAGIC)) || sv_starts(bytes, SV("COWD")) ||
           sv_starts(bytes, SV(DESCRIPTOR_MAGIC));
}

static uint64_t get_u64(struct sv bytes, size_t at)
{
    uint64_t value = 0;

    for (size_t i = 8; i > 0; i--)
        value = value << 8 | (unsigned char)bytes.p[at + i - 1];
    return value;
}

static bool is_extent(struct sv line)
{
    return sv_starts(line, SV("RW ")) || sv_starts(line, SV("RDONLY ")) ||
           sv_starts(line, SV("NOACCESS "));
}

static bool check_descriptor(struct sv text, struct err **errp)
{
    const char *end = memchr(text.p, '\0', text.n);
    struct sv line;
    unsigned n_extents = 0;

    if (end)
        text.n = (size_t)(end - text.p);
    while (sv_next(&text, '\n', &line)) {
        line = sv_trim(line);
        if (is_extent(line))
            n_extents++;
        if (sv_starts(line, SV("parentFileNameHint")))
            return err_set(errp, ERR_INVALID, "it has a parent, which images must not have");
        if (sv_starts(line, SV("parentCID=")) && !sv_eq(line, SV("parentCID=ffffffff")))
            return err_set(errp, ERR_INVALID, "it has a parent, which images must not have");
    }
    if (n_extents != 1)
        return err_set(errp, ERR_INVALID, "its data lies in %u files instead of one", n_extents);
    return true;
}

bool vmdk_check(struct sv bytes, struct err **errp)
{
    if (!sv_starts(bytes, SV(SPARSE_MAGIC)))
        return err_set(errp, ERR_INVALID, "its data lies in other files, which images must not have");
    if (bytes.n < SECTOR)
        return err_set(errp, ERR_INVALID, "the vmdk header is cut off");

    uint64_t from = get_u64(bytes, DESCRIPTOR_OFFSET_AT);
    uint64_t size = get_u64(bytes, DESCRIPTOR_SIZE_AT);

    if (from > bytes.n / SECTOR || size == 0 || size > bytes.n / SECTOR - from)
        return err_set(errp, ERR_INVALID, "the vmdk descriptor is missing or not at the start");
    return check_descriptor(sv_slice(bytes, from * SECTOR, (from + size) * SECTOR), errp);
}
