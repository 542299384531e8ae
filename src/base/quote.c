#include "base/quote.h"

#include <string.h>

#include "base/mem.h"

static bool is_plain_shell_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("_@%+=:,./-", c));
}

void quote_shell(struct sb *out, struct sv word)
{
    bool plain = word.n > 0;

    for (size_t i = 0; plain && i < word.n; i++)
        plain = is_plain_shell_char(word.p[i]);
    if (plain) {
        sb_put(out, word);
        return;
    }
    sb_putc(out, '\'');
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '\'')
            sb_put(out, SV("'\"'\"'"));
        else
            sb_putc(out, word.p[i]);
    }
    sb_putc(out, '\'');
}

char *quote_shell_join(char *const *words)
{
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; words[i]; i++) {
        if (i)
            sb_putc(&out, ' ');
        quote_shell(&out, sv_of(words[i]));
    }
    return sb_steal(&out);
}

bool quote_shell_split(struct sv text, struct strv *out, struct err **errp)
{
    auto_sb struct sb word = { 0 };
    bool in_word = false;
    char quote = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '\\' && quote != '\'' && i + 1 < text.n) {
            char next = text.p[i + 1];

            in_word = true;
            if (quote == '"' && !strchr("\\\"$`", next)) {
                sb_putc(&word, c);
                continue;
            }
            sb_putc(&word, next);
            i++;
        } else if (quote) {
            if (c == quote)
                quote = 0;
            else
                sb_putc(&word, c);
        } else if (c == '\'' || c == '"') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (in_word)
                strv_push_take(out, sb_steal(&word));
            in_word = false;
        } else {
            sb_putc(&word, c);
            in_word = true;
        }
    }
    if (quote)
        return err_set(errp, ERR_INVALID, "unterminated quote in \"%.*s\"", SV_ARG(text));
    if (in_word)
        strv_push_take(out, sb_steal(&word));
    return true;
}

/* Go prints runes that unicode.IsPrint accepts; control and format characters are escaped. */
static bool is_printable_rune(uint32_t rune)
{
    return rune >= 0x20 && rune != 0x7f && !(rune >= 0x80 && rune < 0xa1) && rune != 0xad &&
           !(rune >= 0x2000 && rune <= 0x200f) && !(rune >= 0x2028 && rune <= 0x202f) &&
           !(rune >= 0x205f && rune <= 0x206f) && rune != 0x3000 && rune != 0xfeff &&
           !(rune >= 0xe000 && rune <= 0xf8ff) && (rune & 0xfffe) != 0xfffe;
}

static void quote_go_rune(struct sb *out, uint32_t rune)
{
    static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv";

    if (rune && rune < 0x20) {
        for (size_t i = 0; i + 1 < sizeof(escapes); i += 2) {
            if ((uint32_t)escapes[i] == rune) {
                sb_putf(out, "\\%c", escapes[i + 1]);
                return;
            }
        }
    }
    if (rune < 0x20 || rune == 0x7f)
        sb_putf(out, "\\x%02x", rune);
    else if (rune < 0x10000)
        sb_putf(out, "\\u%04x", rune);
    else
        sb_putf(out, "\\U%08x", rune);
}

void quote_go(struct sb *out, struct sv text)
{
    sb_putc(out, '"');
    while (text.n) {
        uint32_t rune;
        unsigned n = utf8_decode(text, &rune);

        if (n == 0)
            sb_putf(out, "\\x%02x", (unsigned char)text.p[0]);
        else if (rune == '"' || rune == '\\')
            sb_putf(out, "\\%c", (char)rune);
        else if (is_printable_rune(rune))
            sb_put_mem(out, text.p, n);
        else
            quote_go_rune(out, rune);
        text = sv_slice(text, n ? n : 1, text.n);
    }
    sb_putc(out, '"');
}

static bool fits_back_quotes(struct sv text)
{
    while (text.n) {
        uint32_t rune;
        unsigned n = utf8_decode(text, &rune);

        if (n == 0 || rune == '`' || rune == 0xfeff || rune == 0x7f ||
            (rune < 0x20 && rune != '\t'))
            return false;
        text = sv_slice(text, n, text.n);
    }
    return true;
}

void quote_tick(struct sb *out, struct sv text)
{
    if (!fits_back_quotes(text)) {
        quote_go(out, text);
        return;
    }
    sb_putc(out, '`');
    sb_put(out, text);
    sb_putc(out, '`');
}

char *quote_tick_dup(const char *text)
{
    auto_sb struct sb out = { 0 };

    quote_tick(&out, sv_of(text));
    return sb_steal(&out);
}

char *quote_tick_list(const struct strv *list)
{
    auto_sb struct sb out = { 0 };

    sb_putc(&out, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            sb_putc(&out, ' ');
        quote_tick(&out, sv_of(list->v[i]));
    }
    sb_putc(&out, ']');
    return sb_steal(&out);
}

char *quote_printable(struct sv text, size_t max)
{
    auto_sb struct sb out = { 0 };

    while (text.n && out.n < max) {
        uint32_t rune;
        unsigned n = utf8_decode(text, &rune);

        if (n && is_printable_rune(rune))
            sb_put_mem(&out, text.p, n);
        else
            sb_putf(&out, "\\x%02x", (unsigned char)text.p[0]);
        text = sv_slice(text, n && is_printable_rune(rune) ? n : 1, text.n);
    }
    return sb_steal(&out);
}
