#include <string.h>

#include "base/quote.h"
#include "lang/yaml/emit_priv.h"

/* Characters that may stand in YAML as they are, line ends and tabs aside. */
static bool is_printable(uint32_t rune)
{
    return (rune >= 0x20 && rune <= 0x7e) ||
           (rune >= 0xa0 && rune <= 0xd7ff && rune != 0x2028 && rune != 0x2029) ||
           (rune >= 0xe000 && rune <= 0xfffd && rune != 0xfeff) ||
           (rune >= 0x10000 && rune <= 0x10ffff);
}

/* What a text consists of, as far as styles care. */
struct traits {
    bool has_newline;
    bool has_tab;
    bool has_special; /* something only double quotes can hold */
};

static struct traits traits_of(struct sv text)
{
    struct traits t = { 0 };

    for (size_t i = 0; i < text.n;) {
        uint32_t rune = 0;
        unsigned len = utf8_decode(sv_slice(text, i, text.n), &rune);

        if (rune == '\n')
            t.has_newline = true;
        else if (rune == '\t')
            t.has_tab = true;
        else if (len == 0 || !is_printable(rune))
            t.has_special = true;
        i += len ? len : 1;
    }
    return t;
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Whether the text, read as a plain scalar, is one scalar again. */
static bool fits_plain(struct sv text, enum yaml_place place)
{
    bool flow = place == YAML_PLACE_FLOW;
    char first;

    if (text.n == 0 || is_gap(text.p[0]) || is_gap(text.p[text.n - 1]))
        return false;
    first = text.p[0];
    if (strchr(",[]{}#&*!|>'\"%@`", first))
        return false;
    if (strchr("-?:", first) && (text.n == 1 || is_gap(text.p[1]) || (flow && first != '-')))
        return false;
    if (sv_starts(text, SV("---")) || sv_starts(text, SV("...")))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : ' ';

        if (c == ':' && (is_gap(next) || (flow && strchr(",[]{}", next))))
            return false;
        if (c == '#' && i > 0 && is_gap(text.p[i - 1]))
            return false;
        if (flow && strchr(",[]{}?", c))
            return false;
    }
    return true;
}

/* Words and numbers that readers of YAML 1.1 take for something else than a string. */
static bool misleads_old_readers(struct sv text)
{
    static const char *const words[] = {
        "y", "Y",  "yes", "Yes", "YES", "on",  "On",  "ON", "n",
        "N", "no", "No",  "NO",  "off", "Off", "OFF", "<<", "=",
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (sv_eq_str(text, words[i]))
            return true;
    if (text.n == 0 || !strchr("0123456789+-", text.p[0]) || sv_find(text, ':') < 0)
        return false;
    for (size_t i = 0; i < text.n; i++) /* 12:30:45 counts in sixties there */
        if (!strchr("0123456789:.+-_", text.p[i]))
            return false;
    return true;
}

static bool fits_literal(struct sv text, const struct traits *t)
{
    if (t->has_special || text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!is_gap(text.p[i]))
            return true;
    return false;
}

enum yaml_style yaml_choose_style(const struct yaml_node *node, enum yaml_place place)
{
    struct traits t = traits_of(node->text);
    bool one_line = !t.has_newline && !t.has_special;
    bool is_string = node->tag == YAML_TAG_STR && !node->custom_tag;
    bool plain = one_line && !t.has_tab && fits_plain(node->text, place) &&
                 (!is_string || yaml_resolve_plain(node->text) == YAML_TAG_STR);

    switch (node->style) {
    case YAML_STYLE_PLAIN:
        if (plain || (node->text.n == 0 && !is_string))
            return YAML_STYLE_PLAIN;
        break;
    case YAML_STYLE_SINGLE:
        if (one_line)
            return YAML_STYLE_SINGLE;
        break;
    case YAML_STYLE_DOUBLE:
        return YAML_STYLE_DOUBLE;
    case YAML_STYLE_LITERAL:
    case YAML_STYLE_FOLDED:
        if (place == YAML_PLACE_BLOCK && fits_literal(node->text, &t))
            return node->style == YAML_STYLE_FOLDED && node->raw.n ? YAML_STYLE_FOLDED
                                                                   : YAML_STYLE_LITERAL;
        break;
    default:
        break;
    }
    if (t.has_newline && place == YAML_PLACE_BLOCK && fits_literal(node->text, &t))
        return YAML_STYLE_LITERAL;
    if (plain && (!is_string || !misleads_old_readers(node->text)))
        return YAML_STYLE_PLAIN;
    if (!one_line || (is_string && yaml_resolve_plain(node->text) != YAML_TAG_STR) ||
        misleads_old_readers(node->text))
        return YAML_STYLE_DOUBLE;
    return YAML_STYLE_SINGLE;
}

static void put_escape(struct sb *out, uint32_t rune)
{
    static const struct {
        uint32_t rune;
        char letter;
    } short_forms[] = {
        { 0, '0' },    { '\a', 'a' }, { '\b', 'b' }, { '\t', 't' }, { '\n', 'n' },
        { '\v', 'v' }, { '\f', 'f' }, { '\r', 'r' }, { 0x1b, 'e' },
    };

    sb_putc(out, '\\');
    for (size_t i = 0; i < COUNT(short_forms); i++) {
        if (short_forms[i].rune == rune) {
            sb_putc(out, short_forms[i].letter);
            return;
        }
    }
    if (rune <= 0xff)
        sb_putf(out, "x%02X", (unsigned)rune);
    else if (rune <= 0xffff)
        sb_putf(out, "u%04X", (unsigned)rune);
    else
        sb_putf(out, "U%08X", (unsigned)rune);
}

static void put_double_quoted(struct sb *out, struct sv text)
{
    sb_putc(out, '"');
    for (size_t i = 0; i < text.n;) {
        uint32_t rune = 0xfffd; /* stands for bytes that are no character */
        unsigned len = utf8_decode(sv_slice(text, i, text.n), &rune);

        if (rune == '"' || rune == '\\') {
            sb_putc(out, '\\');
            sb_putc(out, (char)rune);
        } else if (len > 0 && is_printable(rune)) {
            sb_put(out, sv_slice(text, i, i + len));
        } else {
            put_escape(out, rune);
        }
        i += len ? len : 1;
    }
    sb_putc(out, '"');
}

static void put_single_quoted(struct sb *out, struct sv text)
{
    sb_putc(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            sb_putc(out, '\'');
        sb_putc(out, text.p[i]);
    }
    sb_putc(out, '\'');
}

void yaml_put_inline(struct sb *out, const struct yaml_node *node, enum yaml_place place)
{
    enum yaml_style style = yaml_choose_style(node, place);

    if (style == YAML_STYLE_DOUBLE)
        put_double_quoted(out, node->text);
    else if (style == YAML_STYLE_SINGLE)
        put_single_quoted(out, node->text);
    else if (node->text.n == 0 && node->tag == YAML_TAG_NULL && place != YAML_PLACE_BLOCK)
        sb_puts(out, "null");
    else
        sb_put(out, node->text);
}

struct yaml_block yaml_block_of(const struct yaml_node *node, enum yaml_style style,
                                struct sb *store)
{
    struct yaml_block block = { .header = "|" };
    struct sv text = node->text;
    size_t n_ends = 0;
    char *p = block.header;

    while (n_ends < text.n && text.p[text.n - 1 - n_ends] == '\n')
        n_ends++;
    if (style == YAML_STYLE_FOLDED) {
        *p = '>';
        block.lines = node->raw;
        block.blank_lines = n_ends > 1 ? (unsigned)n_ends - 1 : 0;
    } else if (n_ends > 0) {
        block.lines = text;
    } else {
        sb_put(store, text);
        sb_putc(store, '\n');
        block.lines = sb_view(store);
    }
    p++;
    if (style == YAML_STYLE_LITERAL && is_gap(text.p[0]))
        *p++ = '2'; /* the first line cannot tell the indentation */
    if (n_ends != 1)
        *p = n_ends == 0 ? '-' : '+';
    return block;
}
