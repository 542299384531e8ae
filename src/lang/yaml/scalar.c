/*
 * What scalars mean: tag resolution and conversion.
 */
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/enum.h"
#include "base/num.h"
#include "lang/json/json.h"
#include "lang/yaml/node.h"

static const char *const tag_names[] = {
    "!!null", "!!bool", "!!int", "!!float", "!!str", "!!binary", "!!seq", "!!map",
};
ENUM_NAMES_MATCH(tag_names, YAML_TAG_COUNT);

const char *yaml_tag_name(enum yaml_tag tag)
{
    return tag_names[tag];
}

static bool is_one_of(struct sv text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sv_eq_str(text, words[i]))
            return true;
    return false;
}

static bool is_true(struct sv text)
{
    static const char *const words[] = { "true", "True", "TRUE" };

    return is_one_of(text, words, COUNT(words));
}

static bool is_false(struct sv text)
{
    static const char *const words[] = { "false", "False", "FALSE" };

    return is_one_of(text, words, COUNT(words));
}

static bool is_null(struct sv text)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };

    return is_one_of(text, words, COUNT(words));
}

/* Copies a number without "_" between its digits; false when it is too long to be one. */
static bool plain_number(struct sv text, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '_' && i > 0)
            continue;
        if (n + 1 >= size)
            return false;
        out[n++] = text.p[i];
    }
    out[n] = '\0';
    return n > 0;
}

static bool split_number(struct sv text, bool *out_negative, struct sv *out_digits,
                         unsigned *out_base)
{
    static const struct {
        const char *prefix;
        unsigned base;
    } prefixes[] = { { "0x", 16 }, { "0o", 8 }, { "0b", 2 }, { "0", 8 } };
    struct sv digits = text;

    *out_negative = digits.n && digits.p[0] == '-';
    if (digits.n && (digits.p[0] == '-' || digits.p[0] == '+'))
        digits = sv_slice(digits, 1, digits.n);
    *out_base = 10;
    for (size_t i = 0; i < COUNT(prefixes) && digits.n > 1; i++) {
        struct sv prefix = sv_of(prefixes[i].prefix);

        if (sv_starts(digits, prefix)) {
            *out_base = prefixes[i].base;
            digits = sv_slice(digits, prefix.n, digits.n);
            break;
        }
    }
    *out_digits = digits;
    return digits.n > 0;
}

/* Reads an integer as magnitude and sign. */
static bool parse_integer(struct sv text, uint64_t *out, bool *out_negative)
{
    char copy[80];
    struct sv digits;
    unsigned base;

    return plain_number(text, copy, sizeof(copy)) &&
           split_number(sv_of(copy), out_negative, &digits, &base) &&
           parse_u64_base(digits, base, out);
}

static bool parse_special_float(struct sv text, double *out)
{
    static const char *const inf[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF" };
    static const char *const minus_inf[] = { "-.inf", "-.Inf", "-.INF" };
    static const char *const nan_words[] = { ".nan", ".NaN", ".NAN" };

    if (is_one_of(text, inf, COUNT(inf)))
        *out = INFINITY;
    else if (is_one_of(text, minus_inf, COUNT(minus_inf)))
        *out = -INFINITY;
    else if (is_one_of(text, nan_words, COUNT(nan_words)))
        *out = NAN;
    else
        return false;
    return true;
}

static bool parse_float(struct sv text, double *out)
{
    char copy[64];
    const char *digits;

    if (parse_special_float(text, out))
        return true;
    if (!plain_number(text, copy, sizeof(copy)))
        return false;
    digits = copy[0] == '-' || copy[0] == '+' ? copy + 1 : copy;
    if (!strchr("0123456789.", digits[0]) || !strpbrk(digits, "0123456789"))
        return false; /* "e5" and "." are words */
    return parse_double(sv_of(copy), out);
}

enum yaml_tag yaml_resolve_plain(struct sv text)
{
    uint64_t magnitude;
    bool negative;
    double number;

    if (is_null(text))
        return YAML_TAG_NULL;
    if (is_true(text) || is_false(text))
        return YAML_TAG_BOOL;
    if (!strchr("+-.0123456789", text.p[0]))
        return YAML_TAG_STR;
    if (parse_integer(text, &magnitude, &negative))
        return YAML_TAG_INT;
    return parse_float(text, &number) ? YAML_TAG_FLOAT : YAML_TAG_STR;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->tag == YAML_TAG_NULL;
}

bool yaml_as_bool(const struct yaml_node *node, bool *out)
{
    if (node->kind != YAML_SCALAR || node->tag != YAML_TAG_BOOL)
        return false;
    *out = is_true(node->text);
    return true;
}

bool yaml_as_double(const struct yaml_node *node, double *out)
{
    uint64_t magnitude;
    bool negative;

    if (node->kind != YAML_SCALAR)
        return false;
    if (parse_integer(node->text, &magnitude, &negative)) {
        *out = negative ? -(double)magnitude : (double)magnitude;
        return true;
    }
    return parse_float(node->text, out);
}

bool yaml_as_int(const struct yaml_node *node, int64_t *out)
{
    uint64_t magnitude;
    bool negative;
    double number;

    if (node->kind != YAML_SCALAR)
        return false;
    if (parse_integer(node->text, &magnitude, &negative)) {
        if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
            return false;
        *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return true;
    }
    if (!parse_float(node->text, &number) || !(number > -0x1p63 && number < 0x1p63))
        return false;
    *out = (int64_t)number;
    return true;
}

static bool put_binary(struct sb *out, struct sv text)
{
    auto_sb struct sb packed = { 0 };

    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i]))
            sb_putc(&packed, text.p[i]);
    return base64_decode(out, sb_view(&packed));
}

static void put_number(struct sb *out, const struct yaml_node *node)
{
    uint64_t magnitude;
    bool negative;
    double number;

    if (parse_integer(node->text, &magnitude, &negative))
        sb_putf(out, "%s%llu", negative && magnitude ? "-" : "", (unsigned long long)magnitude);
    else if (parse_float(node->text, &number) && isfinite(number))
        json_put_double(out, number);
    else
        sb_put(out, node->text);
}

bool yaml_as_text(const struct yaml_node *node, char **out)
{
    auto_sb struct sb text = { 0 };
    bool flag;

    if (node->kind != YAML_SCALAR)
        return false;
    switch (node->tag) {
    case YAML_TAG_NULL:
        return false;
    case YAML_TAG_BOOL:
        sb_puts(&text, yaml_as_bool(node, &flag) && flag ? "true" : "false");
        break;
    case YAML_TAG_INT:
    case YAML_TAG_FLOAT:
        put_number(&text, node);
        break;
    case YAML_TAG_BINARY:
        if (!put_binary(&text, node->text))
            return false;
        break;
    default:
        sb_put(&text, node->text);
    }
    *out = sb_steal(&text);
    return true;
}
