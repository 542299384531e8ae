#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"

/* Longer ones first. */
static const char *const operators[] = {
    "|=", "+=", "-=", "*=", "/=", "==", "!=", "<=", ">=", "//", "|", "=", "+", "-", "*",
    "/",  "%",  "<",  ">",  ",",  ";",  ":",  "(",  ")",  "[",  "]", "{", "}", "?",
};

bool lex_fail(struct sv text, size_t at, struct err **errp, const char *fmt, ...)
{
    unsigned line = 1, column = 1;
    auto_mem char *what = NULL;
    va_list args;

    for (size_t i = 0; i < at && i < text.n; i++) {
        column++;
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        }
    }
    va_start(args, fmt);
    what = mem_vprintf(fmt, args);
    va_end(args);
    return err_set(errp, ERR_INVALID, "expression, line %u, column %u: %s", line, column, what);
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

/* The inside of a string that begins at at, where the quote is; \( ) may hold strings itself. */
static bool take_string(struct lexer *lex, size_t at, struct sv *out, struct err **errp)
{
    unsigned depth = 0;

    for (size_t i = at + 1; i < lex->text.n; i++) {
        char c = lex->text.p[i];

        if (c == '\\' && i + 1 < lex->text.n) {
            if (lex->text.p[++i] == '(')
                depth++;
        } else if (depth > 0 && c == '(') {
            depth++;
        } else if (depth > 0 && c == ')') {
            depth--;
        } else if (depth == 0 && c == '"') {
            *out = sv_slice(lex->text, at + 1, i);
            lex->at = i + 1;
            return true;
        }
    }
    return lex_fail(lex->text, at, errp, "the string has no end");
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
    if (c == '"') {
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
    return lex_fail(text, lex->at, errp, "unexpected `%c`", c);
}
