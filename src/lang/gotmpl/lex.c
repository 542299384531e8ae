#include <ctype.h>
#include <stdarg.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/gotmpl/gotmpl_priv.h"

bool lexer_fail(const struct lexer *l, size_t pos, struct err **errp, const char *fmt, ...)
{
    size_t line = 1;
    va_list args;

    for (size_t i = 0; i < pos && i < l->text.n; i++)
        line += l->text.p[i] == '\n';
    va_start(args, fmt);

    auto_mem char *text = mem_vprintf(fmt, args);

    va_end(args);
    return err_set(errp, ERR_INVALID, "template: %s:%zu: %s", l->name, line, text);
}

static struct sv rest_of(const struct lexer *l)
{
    return sv_slice(l->text, l->pos, l->text.n);
}

static bool at(const struct lexer *l, const char *word)
{
    return sv_starts(rest_of(l), sv_of(word));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char char_at(const struct lexer *l, size_t pos)
{
    return pos < l->text.n ? l->text.p[pos] : '\0';
}

static void set_token(struct lexer *l, struct token *out, enum token_kind kind, size_t end)
{
    *out = (struct token){ kind, sv_slice(l->text, l->pos, end), l->pos };
    l->pos = end;
}

/* A left delimiter that swallows blanks: "{{- ". */
static bool has_trim_marker(const struct lexer *l, size_t pos)
{
    return char_at(l, pos) == '-' && is_blank(char_at(l, pos + 1));
}

static bool at_right_delimiter(const struct lexer *l, bool *out_trims)
{
    *out_trims = is_blank(char_at(l, l->pos)) && char_at(l, l->pos + 1) == '-' &&
                 char_at(l, l->pos + 2) == '}' && char_at(l, l->pos + 3) == '}';
    return *out_trims || at(l, "}}");
}

/* Skips "{{/ * ... * /}}" with its trim markers. */
static bool skip_comment(struct lexer *l, struct err **errp)
{
    size_t start = l->pos;
    bool trims;

    l->pos += 2;
    if (has_trim_marker(l, l->pos))
        l->pos += 2;
    l->pos += 2; /* the opening of the comment */
    while (l->pos < l->text.n && !at(l, "*/"))
        l->pos++;
    if (l->pos >= l->text.n)
        return lexer_fail(l, start, errp, "unclosed comment");
    l->pos += 2;
    if (!at_right_delimiter(l, &trims))
        return lexer_fail(l, l->pos, errp, "comment ends before closing delimiter");
    l->pos += trims ? 4 : 2;
    l->trim_next = trims;
    return true;
}

static bool at_comment(const struct lexer *l)
{
    size_t pos = l->pos + 2;

    if (has_trim_marker(l, pos))
        pos += 2;
    return char_at(l, pos) == '/' && char_at(l, pos + 1) == '*';
}

/* Text up to the next action. An empty one gives no token: *out_found is false. */
static void lex_text(struct lexer *l, struct token *out, bool *out_found)
{
    size_t end = l->pos, next;

    while (l->trim_next && l->pos < l->text.n && is_blank(char_at(l, l->pos)))
        l->pos++;
    l->trim_next = false;
    end = l->pos;
    while (end < l->text.n && !(char_at(l, end) == '{' && char_at(l, end + 1) == '{'))
        end++;
    next = end;
    if (end < l->text.n && has_trim_marker(l, end + 2))
        while (end > l->pos && is_blank(char_at(l, end - 1)))
            end--;
    *out_found = end > l->pos;
    if (*out_found)
        set_token(l, out, TOKEN_TEXT, end);
    l->pos = next;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_end(const struct lexer *l, size_t pos)
{
    while (is_word_char(char_at(l, pos)))
        pos++;
    return pos;
}

static bool lex_quoted(struct lexer *l, struct token *out, struct err **errp)
{
    char quote = char_at(l, l->pos);
    size_t end = l->pos + 1;

    for (;; end++) {
        if (end >= l->text.n || (quote != '`' && char_at(l, end) == '\n'))
            return lexer_fail(l, l->pos, errp, "unterminated %s",
                              quote == '`'   ? "raw quoted string"
                              : quote == '"' ? "quoted string"
                                             : "character constant");
        if (char_at(l, end) == quote)
            break;
        if (char_at(l, end) == '\\' && quote != '`')
            end++;
    }
    set_token(l, out, quote == '\'' ? TOKEN_CHAR : TOKEN_STRING, end + 1);
    return true;
}

static bool lex_number(struct lexer *l, struct token *out, struct err **errp)
{
    size_t end = l->pos;

    if (char_at(l, end) == '+' || char_at(l, end) == '-')
        end++;
    while (isalnum((unsigned char)char_at(l, end)) || strchr("._", char_at(l, end)) ||
           (strchr("+-", char_at(l, end)) && strchr("eEpP", char_at(l, end - 1)))) {
        if (end >= l->text.n)
            break;
        end++;
    }
    set_token(l, out, TOKEN_NUMBER, end);
    if (out->text.n > 64)
        return lexer_fail(l, out->pos, errp, "bad number syntax: \"%.20s...\"", out->text.p);
    return true;
}

static bool lex_word(struct lexer *l, struct token *out, struct err **errp)
{
    char c = char_at(l, l->pos);
    size_t end = word_end(l, l->pos + (c == '.' || c == '$'));
    char after = char_at(l, end);

    if (after && !is_blank(after) && !strchr(".,|:=)(}", after)) {
        auto_mem char *shown = quote_printable(sv_slice(l->text, end, end + 1), 8);

        return lexer_fail(l, end, errp, "bad character U+%04X '%s'", (unsigned)after & 0xff, shown);
    }
    set_token(l, out,
              c == '$'            ? TOKEN_VARIABLE
              : c != '.'          ? TOKEN_IDENTIFIER
              : end == l->pos + 1 ? TOKEN_DOT
                                  : TOKEN_FIELD,
              end);
    return true;
}

static bool lex_inside(struct lexer *l, struct token *out, struct err **errp)
{
    static const struct {
        const char *text;
        enum token_kind kind;
    } marks[] = {
        { ":=", TOKEN_DECLARE }, { "=", TOKEN_ASSIGN }, { "|", TOKEN_PIPE },
        { ",", TOKEN_COMMA },    { "(", TOKEN_OPEN },   { ")", TOKEN_CLOSE },
    };
    char c = char_at(l, l->pos);
    bool trims;

    if (at_right_delimiter(l, &trims)) {
        set_token(l, out, TOKEN_RIGHT, l->pos + (trims ? 4 : 2));
        l->trim_next = trims;
        l->in_action = false;
        return true;
    }
    if (l->pos >= l->text.n)
        return lexer_fail(l, l->pos, errp, "unclosed action");
    if (is_blank(c)) {
        size_t end = l->pos;

        while (is_blank(char_at(l, end)) &&
               !(char_at(l, end + 1) == '-' && char_at(l, end + 2) == '}' &&
                 char_at(l, end + 3) == '}' && end > l->pos))
            end++;
        set_token(l, out, TOKEN_SPACE, end);
        return true;
    }
    for (size_t i = 0; i < COUNT(marks); i++) {
        if (at(l, marks[i].text)) {
            set_token(l, out, marks[i].kind, l->pos + strlen(marks[i].text));
            return true;
        }
    }
    if (c == '"' || c == '`' || c == '\'')
        return lex_quoted(l, out, errp);
    if (isdigit((unsigned char)c) || c == '+' || c == '-' ||
        (c == '.' && isdigit((unsigned char)char_at(l, l->pos + 1))))
        return lex_number(l, out, errp);
    if (c == '.' || c == '$' || is_word_char(c))
        return lex_word(l, out, errp);

    auto_mem char *shown = quote_printable((struct sv){ &c, 1 }, 8);

    return lexer_fail(l, l->pos, errp, "unrecognized character in action: U+%04X '%s'",
                      (unsigned)c & 0xff, shown);
}

bool lexer_next(struct lexer *l, struct token *out, struct err **errp)
{
    bool found;

    if (l->in_action)
        return lex_inside(l, out, errp);
    for (;;) {
        lex_text(l, out, &found);
        if (found)
            return true;
        if (l->pos >= l->text.n) {
            set_token(l, out, TOKEN_EOF, l->pos);
            return true;
        }
        if (!at_comment(l))
            break;
        if (!skip_comment(l, errp))
            return false;
    }
    set_token(l, out, TOKEN_LEFT, l->pos + (has_trim_marker(l, l->pos + 2) ? 3 : 2));
    l->in_action = true;
    return true;
}
