#include "svc/image/qcow2_tables.h"

#include <endian.h>

#include "base/mem.h"
#include "sys/file.h"

#define OFFSET_MASK 0x00fffffffffffe00ull
#define L2_COMPRESSED (1ull << 62)
#define L2_EXTENDED (1ull << 4) /* incompatible feature: entries of 16 bytes */

struct tables {
    int fd;
    const char *name;
    uint64_t file_size;
    uint32_t cluster_bits;
    size_t l2_step; /* 64-bit words of an L2 entry */
};

static bool cut_off(const struct tables *t, struct err **errp)
{
    return err_set(errp, ERR_INVALID, "%s is cut off: it refers to data behind its end", t->name);
}

static bool lies_within(const struct tables *t, uint64_t offset, uint64_t size)
{
    return offset <= t->file_size && size <= t->file_size - offset;
}

/* Where the data of an L2 entry begins; 0 = nowhere. The end is not looked at: the last cluster of a file
 * need not be a whole one. */
static uint64_t data_offset(const struct tables *t, uint64_t entry)
{
    if (!(entry & L2_COMPRESSED))
        return entry & OFFSET_MASK;

    uint64_t offset_bits = 62 - (t->cluster_bits - 8);

    return entry & ((1ull << offset_bits) - 1);
}

static bool check_l2(const struct tables *t, uint64_t offset, uint64_t *words, size_t n_words,
                     struct err **errp)
{
    if (!lies_within(t, offset, n_words * sizeof(*words)))
        return cut_off(t, errp);
    if (!file_read_at(t->fd, t->name, offset, words, n_words * sizeof(*words), errp))
        return false;
    for (size_t i = 0; i < n_words; i += t->l2_step) {
        uint64_t at = data_offset(t, be64toh(words[i]));

        if (at != 0 && at >= t->file_size)
            return cut_off(t, errp);
    }
    return true;
}

bool qcow2_tables_check(int fd, const char *name, const struct qcow2_header *header,
                        uint64_t file_size, struct err **errp)
{
    struct tables t = {
        .fd = fd,
        .name = name,
        .file_size = file_size,
        .cluster_bits = header->cluster_bits,
        .l2_step = header->incompatible_features & L2_EXTENDED ? 2 : 1,
    };
    size_t n_words = ((size_t)1 << header->cluster_bits) / sizeof(uint64_t);
    size_t l1_bytes = header->l1_size * sizeof(uint64_t);

    if (!lies_within(&t, header->l1_table_offset, l1_bytes))
        return cut_off(&t, errp);

    auto_mem uint64_t *l1 = mem_alloc(l1_bytes);
    auto_mem uint64_t *l2 = mem_array(n_words, sizeof(*l2));

    if (!file_read_at(fd, name, header->l1_table_offset, l1, l1_bytes, errp))
        return false;
    for (size_t i = 0; i < header->l1_size; i++) {
        uint64_t offset = be64toh(l1[i]) & OFFSET_MASK;

        if (offset != 0 && !check_l2(&t, offset, l2, n_words, errp))
            return false;
    }
    return true;
}
