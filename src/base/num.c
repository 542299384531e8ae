#include "base/num.h"

#include <errno.h>
#include <math.h>

#include "base/mem.h"

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

bool parse_u64_base(struct sv text, unsigned base, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = (unsigned)digit_value(text.p[i]);

        if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool parse_u64(struct sv text, uint64_t *out)
{
    return parse_u64_base(text, 10, out);
}

bool parse_i64(struct sv text, int64_t *out)
{
    bool negative = text.n && text.p[0] == '-';
    uint64_t magnitude;

    if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
        text = sv_slice(text, 1, text.n);
    if (!parse_u64(text, &magnitude) || magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool parse_u32(struct sv text, uint32_t *out)
{
    uint64_t value;

    if (!parse_u64(text, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool parse_u16(struct sv text, uint16_t *out)
{
    uint64_t value;

    if (!parse_u64(text, &value) || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

bool parse_double(struct sv text, double *out)
{
    char copy[64];
    char *end;
    double value;

    if (text.n == 0 || text.n >= sizeof(copy))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("0123456789.eE+-", text.p[i]))
            return false; /* strtod() would also take hex, inf, nan and blanks */
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    value = strtod(copy, &end);
    if (*end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool parse_bool(struct sv text, bool *out)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

    for (size_t i = 0; i < COUNT(yes); i++) {
        if (sv_eq_str(text, yes[i]) || sv_eq_str(text, no[i])) {
            *out = sv_eq_str(text, yes[i]);
            return true;
        }
    }
    return false;
}
