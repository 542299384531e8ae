#include "driver/qemu/kernel_image.h"

#include <string.h>

enum {
    MAGIC_OFFSET = 0x202,
    PROTOCOL_OFFSET = 0x206,
    VERSION_OFFSET = 0x20e, /* of the string's place, counted from the second sector */
    SECTOR_SIZE = 0x200,
    PROTOCOL_WITH_VERSION = 0x0200,
};

static unsigned get_u16(struct sv head, size_t at)
{
    return (unsigned char)head.p[at] | (unsigned)(unsigned char)head.p[at + 1] << 8;
}

bool kernel_image_version(struct sv head, struct semver *out)
{
    if (head.n < VERSION_OFFSET + 2 || memcmp(head.p + MAGIC_OFFSET, "HdrS", 4) != 0 ||
        get_u16(head, PROTOCOL_OFFSET) < PROTOCOL_WITH_VERSION ||
        get_u16(head, VERSION_OFFSET) == 0)
        return false;

    struct sv text = sv_slice(head, get_u16(head, VERSION_OFFSET) + SECTOR_SIZE, head.n);
    const char *end = memchr(text.p, '\0', text.n);
    struct sv word;

    if (!end)
        return false;
    text.n = (size_t)(end - text.p);
    return sv_next(&text, ' ', &word) && semver_parse(word, out);
}
