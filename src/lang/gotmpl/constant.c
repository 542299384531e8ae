#include <string.h>

#include "base/num.h"
#include "base/quote.h"
#include "lang/gotmpl/parse_priv.h"

static bool put_hex(struct sb *out, struct sv digits, bool is_byte)
{
    uint64_t rune;

    if (!parse_u64_base(digits, 16, &rune) || rune > 0x10ffff)
        return false;
    if (is_byte)
        sb_putc(out, (char)rune);
    else
        utf8_put(out, (uint32_t)rune);
    return true;
}

/* The content of a quoted string without its quotes. */
static bool unquote(struct sv body, struct sb *out)
{
    static const char letters[] = "abfnrtv\\'\"", meanings[] = "\a\b\f\n\r\t\v\\'\"";

    for (size_t i = 0; i < body.n; i++) {
        const char *letter;
        char c = body.p[i];

        if (c != '\\') {
            sb_putc(out, c);
            continue;
        }
        if (++i >= body.n)
            return false;
        c = body.p[i];
        letter = strchr(letters, c);
        if (c && letter) {
            sb_putc(out, meanings[letter - letters]);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;

            if (i + n >= body.n)
                return false;
            if (!put_hex(out, sv_slice(body, i + 1, i + 1 + n), c == 'x'))
                return false;
            i += n;
        } else {
            return false;
        }
    }
    return true;
}

static json_t *string_constant(const char *bytes, size_t n)
{
    json_t *text = json_stringn(bytes, n);

    return text ? text : json_string("\xef\xbf\xbd"); /* \xff alone is no text */
}

bool constant_parse_string(struct parser *p, struct arg *arg, struct err **errp)
{
    struct sv body = sv_slice(p->token.text, 1, p->token.text.n - 1);
    auto_sb struct sb out = { 0 };
    uint32_t rune;

    if (p->token.text.p[0] == '`')
        sb_put(&out, body);
    else if (!unquote(body, &out))
        return lexer_fail(&p->lexer, p->token.pos, errp, "invalid syntax");
    if (p->token.kind == TOKEN_CHAR) {
        if (utf8_decode(sb_view(&out), &rune) != out.n || out.n == 0)
            return lexer_fail(&p->lexer, p->token.pos, errp, "malformed character constant: %.*s",
                              SV_ARG(p->token.text));
        arg->constant = json_integer((json_int_t)rune);
    } else {
        arg->constant = string_constant(sb_str(&out), out.n);
    }
    return true;
}

bool constant_parse_number(struct parser *p, struct arg *arg, struct err **errp)
{
    struct sv text = p->token.text, digits = text;
    bool negative = text.p[0] == '-';
    uint64_t magnitude;
    double real;
    static const struct {
        const char *prefix;
        unsigned base;
    } bases[] = { { "0x", 16 }, { "0X", 16 }, { "0o", 8 }, { "0b", 2 }, { "", 10 } };

    if (negative || text.p[0] == '+')
        digits = sv_slice(text, 1, text.n);
    for (size_t i = 0; i < COUNT(bases); i++) {
        struct sv prefix = sv_of(bases[i].prefix);

        if (!sv_starts(digits, prefix) ||
            !parse_u64_base(sv_slice(digits, prefix.n, digits.n), bases[i].base, &magnitude) ||
            magnitude > INT64_MAX)
            continue;
        arg->constant = json_integer(negative ? -(json_int_t)magnitude : (json_int_t)magnitude);
        return true;
    }
    if (!parse_double(text, &real))
        return lexer_fail(&p->lexer, p->token.pos, errp, "bad number syntax: \"%.*s\"",
                          SV_ARG(text));
    arg->constant = json_real(real);
    return true;
}
