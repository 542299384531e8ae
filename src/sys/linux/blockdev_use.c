/* Who uses a block device, as the kernel's tables tell. Pure. */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/sb.h"
#include "sys/blockdev.h"

bool blockdev_path_check(const char *path, struct err **errp)
{
    auto_mem char *clean = path_clean(path);

    if (!path_is_absolute(path) || !str_eq(clean, path) || !str_starts(path, "/dev/"))
        return err_set(errp, ERR_INVALID, "%s is no absolute path of a device below /dev", path);
    return true;
}

void blockdev_parts_done(struct blockdev_parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        free(parts->v[i].name);
    vec_done(parts);
}

static bool parse_device(struct sv text, dev_t *out)
{
    struct sv high;
    uint32_t a, b;

    if (!sv_next(&text, ':', &high) || !parse_u32(high, &a) || !parse_u32(text, &b))
        return false;
    *out = makedev(a, b);
    return true;
}

static bool has_device(const struct blockdev_parts *parts, dev_t dev)
{
    for (size_t i = 0; i < parts->n; i++)
        if (parts->v[i].dev == dev)
            return true;
    return false;
}

static bool has_source(const struct blockdev_parts *parts, struct sv source)
{
    if (!sv_starts(source, SV("/dev/")))
        return false;
    source = sv_slice(source, strlen("/dev/"), source.n);
    for (size_t i = 0; i < parts->n; i++)
        if (sv_eq_str(source, parts->v[i].name))
            return true;
    return false;
}

/* Blanks and the like are written as a backslash and three octal digits. Owned. */
static char *unescape(struct sv text)
{
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; i < text.n; i++) {
        uint64_t byte;

        if (text.p[i] == '\\' && i + 3 < text.n &&
            parse_u64_base(sv_slice(text, i + 1, i + 4), 8, &byte) && byte < 256) {
            sb_putc(&out, (char)byte);
            i += 3;
        } else {
            sb_putc(&out, text.p[i]);
        }
    }
    return sb_steal(&out);
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS, see proc(5). */
char *blockdev_find_mount(struct sv mountinfo, const struct blockdev_parts *parts)
{
    struct sv line, word, point, source;
    dev_t dev;

    while (sv_next_line(&mountinfo, &line)) {
        bool ok = sv_next(&line, ' ', &word) && sv_next(&line, ' ', &word) &&
                  sv_next(&line, ' ', &word) && parse_device(word, &dev) &&
                  sv_next(&line, ' ', &word) && sv_next(&line, ' ', &point);

        while (ok && sv_next(&line, ' ', &word) && !sv_eq(word, SV("-")))
            continue;
        if (!ok)
            continue;
        if (has_device(parts, dev) || (sv_next(&line, ' ', &word) && sv_next(&line, ' ', &source) &&
                                       has_source(parts, source)))
            return unescape(point);
    }
    return NULL;
}

bool blockdev_is_swap(struct sv swaps, const struct blockdev_parts *parts)
{
    struct sv line, source;

    while (sv_next_line(&swaps, &line))
        if (sv_next(&line, ' ', &source) && has_source(parts, source))
            return true;
    return false;
}
