#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct sb *out, struct sv bytes)
{
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t bits = 0;
        char group[4];

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)bytes.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            group[k] = k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
        sb_put_mem(out, group, sizeof(group));
    }
}

static int digit_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

bool base64_decode(struct sb *out, struct sv text)
{
    if (text.n % 4)
        return false;
    for (size_t i = 0; i < text.n; i += 4) {
        bool last = i + 4 == text.n;
        size_t n = last && text.p[i + 3] == '=' ? (text.p[i + 2] == '=' ? 1 : 2) : 3;
        uint32_t bits = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = k <= n ? digit_of(text.p[i + k]) : 0;

            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        for (size_t k = 0; k < n; k++)
            sb_putc(out, (char)(bits >> (16 - 8 * k) & 0xff));
    }
    return true;
}
