#include "base/quote.h"

unsigned utf8_decode(struct sv text, uint32_t *out_rune)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first;
    unsigned n;
    uint32_t rune;

    if (text.n == 0)
        return 0;
    first = (unsigned char)text.p[0];
    if (first < 0x80) {
        *out_rune = first;
        return 1;
    }
    n = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (n == 0 || first >= 0xf8 || text.n < n)
        return 0;
    rune = first & (0xffu >> (n + 1));
    for (unsigned i = 1; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if ((c & 0xc0) != 0x80)
            return 0;
        rune = rune << 6 | (c & 0x3fu);
    }
    if (rune < smallest[n] || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return 0;
    *out_rune = rune;
    return n;
}

bool utf8_is_valid(struct sv text)
{
    uint32_t rune;

    while (text.n) {
        unsigned n = utf8_decode(text, &rune);

        if (n == 0)
            return false;
        text = sv_slice(text, n, text.n);
    }
    return true;
}

size_t utf8_count(struct sv text)
{
    size_t count = 0;
    uint32_t rune;

    while (text.n) {
        unsigned n = utf8_decode(text, &rune);

        text = sv_slice(text, n ? n : 1, text.n);
        count++;
    }
    return count;
}

void utf8_put(struct sb *out, uint32_t rune)
{
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        rune = 0xfffd;
    if (rune < 0x80) {
        sb_putc(out, (char)rune);
    } else if (rune < 0x800) {
        sb_putc(out, (char)(0xc0 | rune >> 6));
        sb_putc(out, (char)(0x80 | (rune & 0x3f)));
    } else if (rune < 0x10000) {
        sb_putc(out, (char)(0xe0 | rune >> 12));
        sb_putc(out, (char)(0x80 | (rune >> 6 & 0x3f)));
        sb_putc(out, (char)(0x80 | (rune & 0x3f)));
    } else {
        sb_putc(out, (char)(0xf0 | rune >> 18));
        sb_putc(out, (char)(0x80 | (rune >> 12 & 0x3f)));
        sb_putc(out, (char)(0x80 | (rune >> 6 & 0x3f)));
        sb_putc(out, (char)(0x80 | (rune & 0x3f)));
    }
}
