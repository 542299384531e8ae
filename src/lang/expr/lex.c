#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/expr/expr_priv.h"

/* Longer ones first. */
static const char *const operators[] = {
    "|=", "+=", "-=", "*=", "/=", "==", "!=", "<=", ">=", "//", "|", "=", "+", "-", "*",
    "/",  "%",  "<",  ">",  ",",  ";",  ":",  "(",  ")",  "[",  "]", "{", "}", "?",
};

bool lex_vfail(struct sv text, size_t at, enum err_kind kind, struct err **errp, const char *fmt,
               va_list args)
{
    auto_mem char *what = mem_vprintf(fmt, args);
    unsigned line = 1, column = 1;

    for (size_t i = 0; i < at && i < text.n; i++) {
        column++;
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return err_set(errp, kind, "expression, line %u, column %u: %s", line, column, what);
}

bool lex_fail(struct sv text, size_t at, struct err **errp, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)lex_vfail(text, at, ERR_INVALID, errp, fmt, args);
    va_end(args);
    return false;
}

bool lex_refuse(struct sv text, size_t at, struct err **errp, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)lex_vfail(text, at, ERR_UNSUPPORTED, errp, fmt, args);
    va_end(args);
    return false;
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static size_t span(struct sv text, size_t at, bool (*is)(char))
{
    size_t n = 0;

    while (at + n < text.n && is(text.p[at + n]))
        n++;
    return n;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Where the quote is that ends a string; text.n without one. Inside of "\( )" quotes begin strings
 * of their own, which may be written \"...\" as well: is_escaped. */
static size_t string_end(struct sv text, size_t at, bool is_escaped, unsigned level)
{
    unsigned depth = 0;

    for (; at < text.n && level < EXPR_DEPTH_MAX; at++) {
        char c = text.p[at];

        if (c == '\\' && at + 1 < text.n) {
            char next = text.p[at + 1];

            if (next == '"' && depth > 0)
                at = string_end(text, at + 2, true, level + 1);
            else if (next == '"' && is_escaped)
                return at;
            depth += next == '(';
            at++;
        } else if (c == '"' && depth > 0) {
            at = string_end(text, at + 1, false, level + 1);
        } else if (c == '"' && !is_escaped) {
            return at;
        } else if (depth > 0) {
            depth += (c == '(') - (c == ')');
        }
    }
    return text.n;
}

/* Takes a string whose quote is at at. */
static bool take_string(struct lexer *lex, size_t at, struct sv *out, struct err **errp)
{
    bool is_escaped = lex->text.p[at] == '\\';
    size_t end = string_end(lex->text, at + 1 + is_escaped, is_escaped, 0);

    if (end >= lex->text.n)
        return lex_fail(lex->text, at, errp, "the string has no end");
    *out = sv_slice(lex->text, at + 1 + is_escaped, end);
    lex->at = end + 1 + is_escaped;
    return true;
}

static bool take_dot(struct lexer *lex, struct token *out, struct err **errp)
{
    struct sv text = lex->text;
    size_t next = lex->at + 1, n;

    if (next < text.n && text.p[next] == '.') {
        out->kind = TOKEN_DOTDOT;
        lex->at += 2;
        return true;
    }
    if (next < text.n && text.p[next] == '"') {
        out->kind = TOKEN_KEY;
        out->is_quoted = true;
        return take_string(lex, next, &out->text, errp);
    }
    n = span(text, next, is_key_char);
    out->kind = n ? TOKEN_KEY : TOKEN_DOT;
    out->text = sv_slice(text, next, next + n);
    lex->at = next + n;
    return true;
}

static bool is_number_char(char c)
{
    return isalnum((unsigned char)c) || c == '.';
}

static bool take_number(struct lexer *lex, struct token *out, struct err **errp)
{
    size_t sign = lex->text.p[lex->at] == '-';
    enum yaml_tag tag;

    out->kind = TOKEN_NUMBER;
    out->text = sv_slice(lex->text, lex->at,
                         lex->at + sign + span(lex->text, lex->at + sign, is_number_char));
    lex->at += out->text.n;
    tag = yaml_resolve_plain(out->text);
    return tag == YAML_TAG_INT || tag == YAML_TAG_FLOAT ||
           lex_fail(lex->text, out->at, errp, "%.*s is no number", SV_ARG(out->text));
}

bool lex_next(struct lexer *lex, bool operand, struct token *out, struct err **errp)
{
    struct sv text = lex->text;
    uint32_t rune;
    unsigned n_bytes;
    char c, after;

    while (lex->at < text.n && isspace((unsigned char)text.p[lex->at]))
        lex->at++;
    *out = (struct token){ .at = lex->at };
    if (lex->at == text.n)
        return true;
    c = text.p[lex->at];
    after = lex->at + 1 < text.n ? text.p[lex->at + 1] : 0;
    if (c == '.')
        return take_dot(lex, out, errp);
    if (c == '"' || (lex->is_inside && c == '\\' && after == '"')) {
        out->kind = TOKEN_STRING;
        return take_string(lex, lex->at, &out->text, errp);
    }
    if (isdigit((unsigned char)c) || (operand && c == '-' && isdigit((unsigned char)after)))
        return take_number(lex, out, errp);
    if (c == '$' || c == '~' || is_word_char(c)) {
        size_t from = lex->at + (c == '$'), n = c == '~' ? 1 : span(text, from, is_word_char);

        out->kind = c == '$' ? TOKEN_VAR : TOKEN_WORD;
        out->text = sv_slice(text, from, from + n);
        lex->at = from + n;
        return n > 0 || lex_fail(text, out->at, errp, "a variable has a name");
    }
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (!sv_starts(sv_slice(text, lex->at, text.n), sv_of(operators[i])))
            continue;
        out->kind = TOKEN_OP;
        out->text = sv_of(operators[i]);
        lex->at += out->text.n;
        return true;
    }
    n_bytes = utf8_decode(sv_slice(text, lex->at, text.n), &rune);
    return lex_fail(text, lex->at, errp, "unexpected `%.*s`", (int)n_bytes, text.p + lex->at);
}
