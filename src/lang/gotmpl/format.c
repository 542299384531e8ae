#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/gotmpl/gotmpl_priv.h"
#include "lang/json/shortest.h"

const char *value_type(value v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        return "map[string]interface {}";
    case JSON_ARRAY:
        return "[]interface {}";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float64";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_NULL:
        break;
    }
    return "<nil>";
}

bool value_is_true(value v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_INTEGER:
        return json_integer_value(v) != 0;
    case JSON_REAL:
        return json_real_value(v) != 0;
    case JSON_TRUE:
        return true;
    default:
        return false;
    }
}

static void put_real(struct sb *out, double number)
{
    struct shortest s;
    int exponent;

    if (!isfinite(number)) {
        sb_puts(out, isnan(number) ? "NaN" : number < 0 ? "-Inf" : "+Inf");
        return;
    }
    s = shortest_of(number);
    exponent = shortest_exponent(&s);
    if (exponent < -4 || exponent >= 21)
        shortest_put_exponent(out, &s, 2);
    else
        shortest_put_plain(out, &s);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_nested(struct sb *out, value v);

static void put_object(struct sb *out, value v)
{
    size_t n = json_object_size(v), i = 0;
    auto_mem const char **keys = mem_array(n, sizeof(*keys));
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)v, key, member) keys[i++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    sb_puts(out, "map[");
    for (i = 0; i < n; i++) {
        sb_putf(out, "%s%s:", i > 0 ? " " : "", keys[i]);
        put_nested(out, json_object_get(v, keys[i]));
    }
    sb_putc(out, ']');
}

static void put_nested(struct sb *out, value v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        put_object(out, v);
        return;
    case JSON_ARRAY:
        sb_putc(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            sb_puts(out, i > 0 ? " " : "");
            put_nested(out, json_array_get(v, i));
        }
        sb_putc(out, ']');
        return;
    case JSON_STRING:
        sb_put_mem(out, json_string_value(v), json_string_length(v));
        return;
    case JSON_INTEGER:
        sb_putf(out, "%" PRId64, (int64_t)json_integer_value(v));
        return;
    case JSON_REAL:
        put_real(out, json_real_value(v));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        sb_puts(out, json_is_true(v) ? "true" : "false");
        return;
    case JSON_NULL:
        break;
    }
    sb_puts(out, "<nil>");
}

void format_value(struct sb *out, value v)
{
    if (v)
        put_nested(out, v);
    else
        sb_puts(out, "<no value>");
}

/* ---- printf ---- */

struct spec {
    bool minus, plus, sharp, space, zero;
    int width, precision; /* -1 = not given */
    char verb;
};

enum { WIDTH_MAX = 1000 };

static void pad(struct sb *out, const struct spec *spec, struct sv text)
{
    size_t n = utf8_count(text);
    size_t fill = spec->width > 0 && (size_t)spec->width > n ? (size_t)spec->width - n : 0;
    bool zero = spec->zero && !spec->minus;
    size_t sign = zero && text.n && strchr("+-", text.p[0]) ? 1 : 0;

    if (spec->minus)
        sb_put(out, text);
    else
        sb_put(out, sv_slice(text, 0, sign));
    for (size_t i = 0; i < fill; i++)
        sb_putc(out, zero ? '0' : ' ');
    if (!spec->minus)
        sb_put(out, sv_slice(text, sign, text.n));
}

/* %!d(string=hi) */
static void put_bad_verb(struct sb *out, char verb, value v)
{
    sb_putf(out, "%%!%c(", verb);
    if (v && !json_is_null(v)) {
        sb_putf(out, "%s=", value_type(v));
        put_nested(out, v);
    } else {
        sb_puts(out, "<nil>");
    }
    sb_putc(out, ')');
}

static void put_integer(struct sb *out, const struct spec *spec, json_int_t number)
{
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    const char *sign = number < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    const char *prefix = "";
    unsigned base = 10;
    char digits[65];
    size_t at = sizeof(digits) - 1;

    switch (spec->verb) {
    case 'x':
    case 'X':
        base = 16;
        prefix = spec->sharp ? (spec->verb == 'x' ? "0x" : "0X") : "";
        break;
    case 'o':
        base = 8;
        prefix = spec->sharp ? "0" : "";
        break;
    case 'b':
        base = 2;
        break;
    default:
        break;
    }
    digits[at] = '\0';
    do
        digits[--at] =
            (spec->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
    while ((magnitude /= base) > 0);
    sb_putf(out, "%s%s%s", sign, prefix, digits + at);
}

static void put_float(struct sb *out, const struct spec *spec, double number)
{
    char fmt[8] = { '%', spec->plus ? '+' : ' ', 0 };
    size_t n = spec->plus || spec->space ? 2 : 1;

    if (spec->verb == 'v' || (spec->verb == 'g' && spec->precision < 0)) {
        put_real(out, number);
        return;
    }
    fmt[n++] = '.';
    fmt[n++] = '*';
    fmt[n] = spec->verb;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sb_putf(out, fmt, spec->precision < 0 ? 6 : spec->precision, number);
#pragma GCC diagnostic pop
}

/* Go prints what is no code point as U+FFFD. */
static uint32_t rune_of(json_int_t n)
{
    return n >= 0 && n <= 0x10ffff ? (uint32_t)n : 0xfffd;
}

static void put_string(struct sb *out, const struct spec *spec, struct sv text)
{
    if (spec->precision >= 0) {
        size_t end = 0;

        for (int i = 0; i < spec->precision && end < text.n; i++) {
            uint32_t rune;
            unsigned len = utf8_decode(sv_slice(text, end, text.n), &rune);

            end += len ? len : 1;
        }
        text.n = end;
    }
    if (spec->verb == 'q') {
        (spec->sharp ? quote_tick : quote_go)(out, text);
    } else if (spec->verb == 'x' || spec->verb == 'X') {
        for (size_t i = 0; i < text.n; i++)
            sb_putf(out, spec->verb == 'x' ? "%02x" : "%02X", (unsigned char)text.p[i]);
    } else {
        sb_put(out, text);
    }
}

/* Appends without padding; false when the verb does not fit the value. */
static bool put_verb(struct sb *out, const struct spec *spec, value v)
{
    char verb = spec->verb;

    if (verb == 'T') {
        sb_puts(out, value_type(v));
        return true;
    }
    if (json_is_string(v) && strchr("vsqxX", verb)) {
        put_string(out, spec, (struct sv){ json_string_value(v), json_string_length(v) });
        return true;
    }
    if (json_is_integer(v) && strchr("vdxXob", verb)) {
        put_integer(out, spec, json_integer_value(v));
        return true;
    }
    if (json_is_integer(v) && verb == 'c') {
        utf8_put(out, rune_of(json_integer_value(v)));
        return true;
    }
    if (json_is_real(v) && strchr("vgGeEfF", verb)) {
        put_float(out, spec, json_real_value(v));
        return true;
    }
    if ((json_is_boolean(v) && strchr("vt", verb)) || verb == 'v' ||
        (verb == 's' && (json_is_array(v) || json_is_object(v)))) {
        put_nested(out, v);
        return true;
    }
    return false;
}

static size_t parse_spec(struct sv format, size_t i, struct spec *spec)
{
    *spec = (struct spec){ .width = -1, .precision = -1 };
    for (; i < format.n; i++) {
        bool *flag = format.p[i] == '-'   ? &spec->minus
                     : format.p[i] == '+' ? &spec->plus
                     : format.p[i] == '#' ? &spec->sharp
                     : format.p[i] == ' ' ? &spec->space
                     : format.p[i] == '0' ? &spec->zero
                                          : NULL;

        if (!flag)
            break;
        *flag = true;
    }
    for (int *number = &spec->width;; number = &spec->precision) {
        for (; i < format.n && isdigit((unsigned char)format.p[i]); i++) {
            *number = (*number < 0 ? 0 : *number) * 10 + (format.p[i] - '0');
            if (*number > WIDTH_MAX)
                *number = WIDTH_MAX;
        }
        if (number == &spec->precision || i >= format.n || format.p[i] != '.')
            break;
        spec->precision = 0;
        i++;
    }
    spec->verb = i < format.n ? format.p[i] : '\0';
    return i;
}

void format_printf(struct sb *out, struct sv format, const value *args, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < format.n; i++) {
        struct spec spec;
        auto_sb struct sb text = { 0 };

        if (format.p[i] != '%') {
            sb_putc(out, format.p[i]);
            continue;
        }
        i = parse_spec(format, i + 1, &spec);
        if (!spec.verb) {
            sb_puts(out, "%!(NOVERB)");
        } else if (spec.verb == '%') {
            sb_putc(out, '%');
        } else if (used >= n) {
            sb_putf(out, "%%!%c(MISSING)", spec.verb);
        } else {
            value v = args[used++];

            if (put_verb(&text, &spec, v))
                pad(out, &spec, sb_view(&text));
            else
                put_bad_verb(out, spec.verb, v);
        }
    }
    if (used < n) {
        sb_puts(out, "%!(EXTRA ");
        for (size_t i = used; i < n; i++) {
            sb_putf(out, "%s%s=", i > used ? ", " : "", value_type(args[i]));
            put_nested(out, args[i]);
        }
        sb_putc(out, ')');
    }
}
