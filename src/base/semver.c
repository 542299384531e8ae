#include "base/semver.h"

#include <stdint.h>

#include "base/num.h"

bool semver_parse(struct sv text, struct semver *out)
{
    struct semver v = { 0 };
    uint32_t numbers[3];
    struct sv part;
    ptrdiff_t at;

    if (sv_starts(text, SV("v")))
        text = sv_slice(text, 1, text.n);
    at = sv_find(text, '+');
    if (at >= 0)
        text = sv_slice(text, 0, (size_t)at);
    at = sv_find(text, '-');
    if (at >= 0) {
        v.pre = true;
        text = sv_slice(text, 0, (size_t)at);
    }
    for (int i = 0; i < 3; i++)
        if (!sv_next(&text, '.', &part) || !parse_u32(part, &numbers[i]))
            return false;
    if (text.p)
        return false; /* a fourth number */
    v.major = numbers[0];
    v.minor = numbers[1];
    v.patch = numbers[2];
    *out = v;
    return true;
}

int semver_cmp(struct semver a, struct semver b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    if (a.minor != b.minor)
        return a.minor < b.minor ? -1 : 1;
    return a.patch == b.patch ? 0 : a.patch < b.patch ? -1 : 1;
}
