#include "base/units.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/sb.h"

/* The number ends after the last of "0-9 . blank"; what follows is the suffix. */
static size_t number_length(struct sv text)
{
    size_t n = text.n;

    while (n && !strchr("0123456789. ", text.p[n - 1]))
        n--;
    return n;
}

/* 0 for "", "b"; 1 for k, kb, kib; ... -1 when unknown. */
static int suffix_power(const char *suffix)
{
    static const char letters[] = "kmgtp";
    const char *at;

    if (!*suffix || str_eq(suffix, "b"))
        return 0;
    at = strchr(letters, suffix[0]);
    if (!at || !(str_eq(suffix + 1, "") || str_eq(suffix + 1, "b") || str_eq(suffix + 1, "ib")))
        return -1;
    return (int)(at - letters) + 1;
}

bool size_parse(struct sv text, uint64_t *out_bytes, struct err **errp)
{
    size_t n = number_length(text);
    struct sv number = sv_slice(text, 0, n);
    auto_mem char *suffix = sv_dup(sv_slice(text, n, text.n));
    double value;
    int power;

    if (n == 0)
        return err_set(errp, ERR_INVALID, "invalid size: '%.*s'", SV_ARG(text));
    if (number.p[number.n - 1] == ' ')
        number.n--;
    if (!parse_double(number, &value))
        return err_set(errp, ERR_INVALID, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
                       SV_ARG(number));
    if (value < 0)
        return err_set(errp, ERR_INVALID, "invalid size: '%.*s'", SV_ARG(text));
    for (char *c = suffix; strlen(suffix) <= 3 && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    power = suffix_power(suffix);
    if (power < 0)
        return err_set(errp, ERR_INVALID, "invalid suffix: '%s'", suffix);
    value = ldexp(value, power * 10);
    if (value >= 9223372036854775808.0)
        return err_set(errp, ERR_INVALID, "size is too large: '%.*s'", SV_ARG(text));
    *out_bytes = (uint64_t)value;
    return true;
}

char *size_format(uint64_t bytes)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t i = 0;

    while (value >= 1024.0 && i + 1 < COUNT(names)) {
        value /= 1024.0;
        i++;
    }
    return mem_printf("%.4g%s", value, names[i]);
}

static const struct {
    const char *name;
    int64_t ns;
} duration_units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "\xc2\xb5s", 1000 },
    { "\xce\xbcs", 1000 },
    { "ms", 1000000 },
    { "s", 1000000000LL },
    { "m", 60 * 1000000000LL },
    { "h", 3600 * 1000000000LL },
};

static int64_t duration_unit(struct sv name)
{
    for (size_t i = 0; i < COUNT(duration_units); i++)
        if (sv_eq_str(name, duration_units[i].name))
            return duration_units[i].ns;
    return 0;
}

static size_t span(struct sv text, bool digits)
{
    size_t n = 0;

    while (n < text.n && (strchr("0123456789.", text.p[n]) != NULL) == digits)
        n++;
    return n;
}

bool duration_parse(struct sv text, int64_t *out_ns, struct err **errp)
{
    struct sv rest = text;
    bool negative = false;
    double total = 0;

    if (rest.n && (rest.p[0] == '-' || rest.p[0] == '+')) {
        negative = rest.p[0] == '-';
        rest = sv_slice(rest, 1, rest.n);
    }
    if (sv_eq_str(rest, "0")) {
        *out_ns = 0;
        return true;
    }
    if (rest.n == 0)
        return err_set(errp, ERR_INVALID, "time: invalid duration \"%.*s\"", SV_ARG(text));
    while (rest.n) {
        size_t n = span(rest, true);
        struct sv number = sv_slice(rest, 0, n);
        struct sv unit;
        double value;
        int64_t ns;

        rest = sv_slice(rest, n, rest.n);
        unit = sv_slice(rest, 0, span(rest, false));
        rest = sv_slice(rest, unit.n, rest.n);
        if (!parse_double(number, &value))
            return err_set(errp, ERR_INVALID, "time: invalid duration \"%.*s\"", SV_ARG(text));
        if (unit.n == 0)
            return err_set(errp, ERR_INVALID, "time: missing unit in duration \"%.*s\"",
                           SV_ARG(text));
        ns = duration_unit(unit);
        if (ns == 0)
            return err_set(errp, ERR_INVALID, "time: unknown unit \"%.*s\" in duration \"%.*s\"",
                           SV_ARG(unit), SV_ARG(text));
        total += value * (double)ns;
    }
    if (total >= 9223372036854775808.0)
        return err_set(errp, ERR_INVALID, "time: invalid duration \"%.*s\"", SV_ARG(text));
    *out_ns = negative ? -(int64_t)total : (int64_t)total;
    return true;
}

/* Whole and fraction of value / unit with trailing zeros cut. */
static void put_fraction(struct sb *out, uint64_t value, uint64_t unit)
{
    uint64_t rest = value % unit;

    sb_putf(out, "%llu", (unsigned long long)(value / unit));
    if (rest == 0)
        return;
    sb_putc(out, '.');
    for (unit /= 10; rest && unit; unit /= 10) {
        sb_putc(out, (char)('0' + rest / unit));
        rest %= unit;
    }
}

char *duration_format(int64_t ns)
{
    auto_sb struct sb out = { 0 };
    uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    if (value == 0)
        return mem_strdup("0s");
    if (ns < 0)
        sb_putc(&out, '-');
    if (value < 1000) {
        sb_putf(&out, "%lluns", (unsigned long long)value);
    } else if (value < 1000000) {
        put_fraction(&out, value, 1000);
        sb_puts(&out, "\xc2\xb5s");
    } else if (value < 1000000000) {
        put_fraction(&out, value, 1000000);
        sb_puts(&out, "ms");
    } else {
        uint64_t minutes = value / 60000000000ULL;

        if (minutes >= 60)
            sb_putf(&out, "%lluh", (unsigned long long)(minutes / 60));
        if (minutes)
            sb_putf(&out, "%llum", (unsigned long long)(minutes % 60));
        put_fraction(&out, value % 60000000000ULL, 1000000000);
        sb_putc(&out, 's');
    }
    return sb_steal(&out);
}
