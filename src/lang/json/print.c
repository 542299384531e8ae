#include "lang/json/json.h"

#include <inttypes.h>
#include <math.h>

#include "base/quote.h"
#include "lang/json/shortest.h"

static void put_escaped_byte(struct sb *out, unsigned char c, bool html)
{
    switch (c) {
    case '"':
    case '\\':
        sb_putc(out, '\\');
        sb_putc(out, (char)c);
        return;
    case '\b':
        sb_puts(out, "\\b");
        return;
    case '\f':
        sb_puts(out, "\\f");
        return;
    case '\n':
        sb_puts(out, "\\n");
        return;
    case '\r':
        sb_puts(out, "\\r");
        return;
    case '\t':
        sb_puts(out, "\\t");
        return;
    default:
        break;
    }
    if (c < 0x20 || (html && (c == '<' || c == '>' || c == '&')))
        sb_putf(out, "\\u%04x", c);
    else
        sb_putc(out, (char)c);
}

void json_put_string(struct sb *out, struct sv text, bool html)
{
    sb_putc(out, '"');
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        uint32_t rune;

        if (c < 0x80) {
            put_escaped_byte(out, c, html);
            i++;
            continue;
        }

        unsigned len = utf8_decode(sv_slice(text, i, text.n), &rune);

        if (len == 0)
            sb_puts(out, "\\ufffd");
        else if (rune == 0x2028 || rune == 0x2029) /* line ends in JavaScript */
            sb_putf(out, "\\u%04x", (unsigned)rune);
        else
            sb_put_mem(out, text.p + i, len);
        i += len ? len : 1;
    }
    sb_putc(out, '"');
}

void json_put_double(struct sb *out, double number)
{
    if (!isfinite(number)) { /* JSON has no such numbers */
        sb_puts(out, "null");
        return;
    }

    struct shortest s = shortest_of(number);
    int exponent = shortest_exponent(&s);

    if (exponent < -6 || exponent >= 21)
        shortest_put_exponent(out, &s, 1);
    else
        shortest_put_plain(out, &s);
}

static void put_line_start(struct sb *out, enum json_style style, unsigned depth)
{
    if (style != JSON_STYLE_INDENT4)
        return;
    sb_putc(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        sb_puts(out, "    ");
}

static void put_value(struct sb *out, const json_t *value, enum json_style style, unsigned depth)
{
    bool html = style == JSON_STYLE_COMPACT_HTML;
    bool first = true;
    const char *key;
    json_t *member;
    size_t i;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        sb_putc(out, '{');
        json_object_foreach((json_t *)value, key, member)
        {
            if (!first)
                sb_putc(out, ',');
            first = false;
            put_line_start(out, style, depth + 1);
            json_put_string(out, sv_of(key), html);
            sb_puts(out, style == JSON_STYLE_INDENT4 ? ": " : ":");
            put_value(out, member, style, depth + 1);
        }
        if (!first)
            put_line_start(out, style, depth);
        sb_putc(out, '}');
        return;
    case JSON_ARRAY:
        sb_putc(out, '[');
        json_array_foreach(value, i, member)
        {
            if (i > 0)
                sb_putc(out, ',');
            put_line_start(out, style, depth + 1);
            put_value(out, member, style, depth + 1);
        }
        if (json_array_size(value) > 0)
            put_line_start(out, style, depth);
        sb_putc(out, ']');
        return;
    case JSON_STRING:
        json_put_string(out, (struct sv){ json_string_value(value), json_string_length(value) },
                        html);
        return;
    case JSON_INTEGER:
        sb_putf(out, "%" PRId64, (int64_t)json_integer_value(value));
        return;
    case JSON_REAL:
        json_put_double(out, json_real_value(value));
        return;
    case JSON_TRUE:
        sb_puts(out, "true");
        return;
    case JSON_FALSE:
        sb_puts(out, "false");
        return;
    case JSON_NULL:
        break;
    }
    sb_puts(out, "null");
}

void json_put(struct sb *out, const json_t *value, enum json_style style)
{
    put_value(out, value, style, 0);
}

char *json_text(const json_t *value, enum json_style style)
{
    auto_sb struct sb out = { 0 };

    json_put(&out, value, style);
    return sb_steal(&out);
}
