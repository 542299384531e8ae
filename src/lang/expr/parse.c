/*
 * Precedence climbing. The ranks are yq's, which surprise: "|" binds tighter than "and", all of
 * "+ - * / % //" are equal, and operators of one rank group to the right (reference: cli section
 * 13.4).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "lang/expr/expr_priv.h"

enum rank { RANK_NONE, RANK_COMMA, RANK_LOGIC, RANK_PIPE, RANK_ASSIGN, RANK_SUM };

static const struct {
    const char *name;
    enum rank rank;
    enum node_kind kind;
} infixes[] = {
    { ",", RANK_COMMA, NODE_COMMA },    { "and", RANK_LOGIC, NODE_BINARY },
    { "or", RANK_LOGIC, NODE_BINARY },  { "|", RANK_PIPE, NODE_PIPE },
    { "=", RANK_ASSIGN, NODE_ASSIGN },  { "|=", RANK_ASSIGN, NODE_ASSIGN },
    { "+=", RANK_ASSIGN, NODE_ASSIGN }, { "-=", RANK_ASSIGN, NODE_ASSIGN },
    { "*=", RANK_ASSIGN, NODE_ASSIGN }, { "/=", RANK_ASSIGN, NODE_ASSIGN },
    { "==", RANK_ASSIGN, NODE_BINARY }, { "!=", RANK_ASSIGN, NODE_BINARY },
    { "<", RANK_ASSIGN, NODE_BINARY },  { "<=", RANK_ASSIGN, NODE_BINARY },
    { ">", RANK_ASSIGN, NODE_BINARY },  { ">=", RANK_ASSIGN, NODE_BINARY },
    { "as", RANK_ASSIGN, NODE_BIND },   { "+", RANK_SUM, NODE_BINARY },
    { "-", RANK_SUM, NODE_BINARY },     { "*", RANK_SUM, NODE_BINARY },
    { "/", RANK_SUM, NODE_BINARY },     { "%", RANK_SUM, NODE_BINARY },
    { "//", RANK_SUM, NODE_BINARY },
};

struct parser {
    struct lexer lex;
    struct token token; /* the one that is next */
    unsigned depth;
};

void node_free(struct node *node)
{
    if (!node)
        return;
    node_free(node->left);
    node_free(node->right);
    for (size_t i = 0; i < node->kids.n; i++)
        node_free(node->kids.v[i]);
    vec_done(&node->kids);
    free(node->text);
    free(node);
}
AUTO_DECLARE(struct node, node);

static struct node *parse(struct parser *p, enum rank rank, struct err **errp);

static struct node *node_new(enum node_kind kind, size_t at)
{
    struct node *node = mem_new(struct node);

    node->kind = kind;
    node->at = at;
    return node;
}

static bool advance(struct parser *p, bool operand, struct err **errp)
{
    return lex_next(&p->lex, operand, &p->token, errp);
}

static bool is_op(const struct parser *p, const char *op)
{
    return p->token.kind == TOKEN_OP && sv_eq_str(p->token.text, op);
}

static struct node *fail(struct parser *p, struct err **errp, const char *what)
{
    if (p->token.kind == TOKEN_END)
        lex_fail(p->lex.text, p->token.at, errp, "%s, found the end", what);
    else
        lex_fail(p->lex.text, p->token.at, errp, "%s, found `%.*s`", what, SV_ARG(p->token.text));
    return NULL;
}

/* After an operand an operator comes, in front of one it does not: "operand" says what follows. */
static bool expect(struct parser *p, const char *op, bool operand, struct err **errp)
{
    if (is_op(p, op))
        return advance(p, operand, errp);
    auto_mem char *what = mem_printf("expected `%s`", op);

    return fail(p, errp, what) != NULL;
}

/* ---- strings ---- */

/* The four digits behind "\u"; false when they are none. */
static bool read_hex(struct sv raw, size_t at, uint32_t *out)
{
    char digits[5] = "";

    if (at + 4 > raw.n)
        return false;
    memcpy(digits, raw.p + at, 4);
    *out = (uint32_t)strtoul(digits, NULL, 16);
    return strspn(digits, "0123456789abcdefABCDEF") == 4;
}

/* "\uXXXX", or two that stand for one rune as in JSON; *i is at the "u" and moves to the end. */
static bool put_rune(struct sb *out, struct sv raw, size_t *i)
{
    uint32_t rune, low;

    if (raw.p[*i] != 'u' || !read_hex(raw, *i + 1, &rune) || rune == 0)
        return false;
    *i += 4;
    if ((rune & 0xfc00) == 0xd800 && *i + 2 < raw.n && raw.p[*i + 1] == '\\' &&
        raw.p[*i + 2] == 'u' && read_hex(raw, *i + 3, &low) && (low & 0xfc00) == 0xdc00) {
        rune = 0x10000 + ((rune & 0x3ff) << 10 | (low & 0x3ff));
        *i += 6;
    }
    utf8_put(out, rune);
    return true;
}

/* The character behind a backslash; one that means nothing keeps it, as in "\d". */
static void put_escape(struct sb *out, struct sv raw, size_t *i)
{
    static const char from[] = "\"\\/nrtbfva", to[] = "\"\\/\n\r\t\b\f\v\a";
    const char *known = memchr(from, raw.p[*i], sizeof(from) - 1);

    if (known) {
        sb_putc(out, to[known - from]);
    } else if (!put_rune(out, raw, i)) {
        sb_putc(out, '\\');
        sb_putc(out, raw.p[*i]);
    }
}

/* The expression of "\(...)", which begins at an offset of raw; *end is behind its parenthesis. */
static struct node *parse_inside(struct parser *p, struct sv raw, size_t at, size_t *end,
                                 struct err **errp)
{
    size_t begin = (size_t)(raw.p - p->lex.text.p);
    struct parser inner = {
        .lex = { .text = sv_slice(p->lex.text, 0, begin + raw.n),
                 .at = begin + at,
                 .is_inside = true },
        .depth = p->depth,
    };
    struct node *node = NULL;

    if (!advance(&inner, true, errp) || !(node = parse(&inner, RANK_NONE, errp)))
        return NULL;
    if (!is_op(&inner, ")")) {
        node_free(node);
        return fail(&inner, errp, "expected `)` in the string");
    }
    *end = inner.token.at + 1 - begin;
    return node;
}

static void add_text(struct node *node, struct sb *text)
{
    struct node *kid = node_new(NODE_SCALAR, node->at);

    kid->is_string = true;
    kid->text = sb_steal(text);
    *vec_push(&node->kids) = kid;
}

static struct node *parse_string(struct parser *p, const struct token *token, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_TEXT, token->at);
    auto_sb struct sb text = { 0 };

    for (size_t i = 0; i < token->text.n; i++) {
        struct node *kid;
        size_t end;

        if (token->text.p[i] != '\\') {
            sb_putc(&text, token->text.p[i]);
            continue;
        }
        if (token->text.p[++i] != '(') {
            put_escape(&text, token->text, &i);
            continue;
        }
        kid = parse_inside(p, token->text, i + 1, &end, errp);
        if (!kid)
            return NULL;
        add_text(node, &text);
        *vec_push(&node->kids) = kid;
        i = end - 1;
    }
    add_text(node, &text);
    if (node->kids.n > 1)
        return MOVE(node);
    struct node *only = node->kids.v[0];

    node->kids.n = 0;
    return only;
}

/* ---- operands ---- */

static struct node *parse_list(struct parser *p, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_LIST, p->token.at);

    if (!advance(p, true, errp))
        return NULL;
    if (!is_op(p, "]") && !(node->left = parse(p, RANK_NONE, errp)))
        return NULL;
    return expect(p, "]", false, errp) ? MOVE(node) : NULL;
}

/* A key: a string, a bare word, or an expression in parentheses. */
static struct node *parse_map_key(struct parser *p, struct err **errp)
{
    struct token token = p->token;
    struct node *key;

    if (token.kind == TOKEN_WORD || token.kind == TOKEN_NUMBER) {
        key = node_new(NODE_SCALAR, token.at);
        key->is_string = true;
        key->text = sv_dup(token.text);
    } else if (token.kind == TOKEN_STRING) {
        key = parse_string(p, &token, errp);
    } else if (is_op(p, "(")) {
        key = advance(p, true, errp) ? parse(p, RANK_NONE, errp) : NULL;
        if (key && !is_op(p, ")")) {
            node_free(key);
            return fail(p, errp, "expected `)`");
        }
    } else {
        return fail(p, errp, "expected a key");
    }
    if (key && advance(p, false, errp))
        return key;
    node_free(key);
    return NULL;
}

static struct node *parse_map(struct parser *p, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_MAP, p->token.at);

    if (!advance(p, true, errp))
        return NULL;
    while (!is_op(p, "}")) {
        struct node *key = parse_map_key(p, errp), *value;

        if (!key)
            return NULL;
        *vec_push(&node->kids) = key;
        if (!expect(p, ":", true, errp) || !(value = parse(p, RANK_COMMA, errp)))
            return NULL;
        *vec_push(&node->kids) = value;
        if (!is_op(p, "}") && !expect(p, ",", true, errp))
            return NULL;
    }
    return advance(p, false, errp) ? MOVE(node) : NULL;
}

/* sub("a", "b"): a comma, where there must be two arguments. */
static void split_pair(struct node *call)
{
    struct node *pair = call->kids.n == 1 ? call->kids.v[0] : NULL;

    if (!pair || pair->kind != NODE_COMMA || pair->kids.n != 2 || call->function->n_args != 2)
        return;
    call->kids.v[0] = pair->kids.v[0];
    *vec_push(&call->kids) = pair->kids.v[1];
    pair->kids.n = 0;
    node_free(pair);
}

static bool parse_args(struct parser *p, struct node *call, struct err **errp)
{
    struct node *arg;

    if (!is_op(p, "("))
        return true;
    do {
        if (!advance(p, true, errp) || !(arg = parse(p, RANK_NONE, errp)))
            return false;
        *vec_push(&call->kids) = arg;
    } while (is_op(p, ";"));
    split_pair(call);
    return expect(p, ")", false, errp);
}

static struct node *parse_call(struct parser *p, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_CALL, p->token.at);
    struct sv name = p->token.text;

    node->text = sv_dup(name);
    node->function = expr_function_find(name);
    if (!node->function) {
        const char *why = expr_function_refusal(name);

        if (why)
            lex_refuse(p->lex.text, node->at, errp, "%s", why);
        else
            lex_refuse(p->lex.text, node->at, errp,
                       "the function `%s` is not available in expressions", node->text);
        return NULL;
    }
    if (!advance(p, false, errp) || !parse_args(p, node, errp))
        return NULL;
    if (node->kids.n == node->function->n_args)
        return MOVE(node);
    lex_fail(p->lex.text, node->at, errp, "%s takes %u argument%s, not %zu", node->text,
             node->function->n_args, node->function->n_args == 1 ? "" : "s", node->kids.n);
    return NULL;
}

static struct node *parse_word(struct parser *p, struct err **errp)
{
    static const char *const literals[] = { "true", "false", "null", "~" };
    struct node *node;

    for (size_t i = 0; i < COUNT(literals); i++) {
        if (!sv_eq_str(p->token.text, literals[i]))
            continue;
        node = node_new(NODE_SCALAR, p->token.at);
        node->text = mem_strdup(literals[i]);
        if (advance(p, false, errp))
            return node;
        node_free(node);
        return NULL;
    }
    return parse_call(p, errp);
}

/* ".a" of left; left NULL is ".". */
static struct node *take_key(struct parser *p, struct node *left, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_KEY, p->token.at);
    struct token token = p->token;

    node->left = left;
    if (token.is_quoted) {
        AUTO_CALL(node_auto) struct node *name = parse_string(p, &token, errp);

        if (!name)
            return NULL;
        if (name->kind != NODE_SCALAR) {
            lex_fail(p->lex.text, token.at, errp, "write a computed key as .[\"...\"]");
            return NULL;
        }
        node->text = mem_strdup(name->text);
    } else {
        node->text = sv_dup(token.text);
    }
    return advance(p, false, errp) ? MOVE(node) : NULL;
}

/* "[]" or "[x]" of take_left; the bracket is next. */
static struct node *take_brackets(struct parser *p, struct node *take_left, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_ITERATE, p->token.at);

    node->left = take_left;
    if (!advance(p, true, errp))
        return NULL;
    if (!is_op(p, "]")) {
        node->kind = NODE_INDEX;
        node->right = parse(p, RANK_NONE, errp);
        if (!node->right)
            return NULL;
    }
    return expect(p, "]", false, errp) ? MOVE(node) : NULL;
}

static struct node *parse_primary(struct parser *p, struct err **errp)
{
    struct token token = p->token;
    struct node *node;

    switch (token.kind) {
    case TOKEN_KEY:
        return take_key(p, NULL, errp);
    case TOKEN_DOT:
    case TOKEN_DOTDOT:
        node = node_new(token.kind == TOKEN_DOT ? NODE_SELF : NODE_RECURSE, token.at);
        break;
    case TOKEN_STRING:
        node = parse_string(p, &token, errp);
        break;
    case TOKEN_NUMBER:
    case TOKEN_VAR:
        node = node_new(token.kind == TOKEN_VAR ? NODE_VAR : NODE_SCALAR, token.at);
        node->text = sv_dup(token.text);
        break;
    case TOKEN_WORD:
        return parse_word(p, errp);
    default:
        if (is_op(p, "["))
            return parse_list(p, errp);
        if (is_op(p, "{"))
            return parse_map(p, errp);
        if (!is_op(p, "("))
            return fail(p, errp, "expected a value");
        node = advance(p, true, errp) ? parse(p, RANK_NONE, errp) : NULL;
        if (node && !is_op(p, ")")) {
            node_free(node);
            return fail(p, errp, "expected `)`");
        }
    }
    if (node && advance(p, false, errp))
        return node;
    node_free(node);
    return NULL;
}

/* A value and the path behind it: ".a", "[0]", ".[0]", "[]". */
static struct node *parse_operand(struct parser *p, struct err **errp)
{
    struct node *node = parse_primary(p, errp);

    for (unsigned n_steps = 0; node; n_steps++) {
        if (n_steps > EXPR_PATH_MAX) {
            node_free(node);
            return fail(p, errp, "the path is too long");
        }
        if (p->token.kind == TOKEN_KEY) {
            node = take_key(p, node, errp);
        } else if (is_op(p, "[")) {
            node = take_brackets(p, node, errp);
        } else if (p->token.kind == TOKEN_DOT) {
            bool ok = advance(p, true, errp) && (is_op(p, "[") || fail(p, errp, "expected `[`"));

            if (!ok) {
                node_free(node);
                return NULL;
            }
        } else if (is_op(p, "?")) {
            if (!advance(p, false, errp)) {
                node_free(node);
                return NULL;
            }
        } else {
            break;
        }
    }
    return node;
}

/* ---- operators ---- */

static int find_infix(const struct parser *p)
{
    if (p->token.kind == TOKEN_OP || p->token.kind == TOKEN_WORD)
        for (size_t i = 0; i < COUNT(infixes); i++)
            if (sv_eq_str(p->token.text, infixes[i].name))
                return (int)i;
    return -1;
}

/* "X as $name | body", "X as $name ireduce (first; next)"; the variable is next. */
static bool parse_bind(struct parser *p, struct node *node, struct err **errp)
{
    struct node *kid;

    if (p->token.kind != TOKEN_VAR)
        return fail(p, errp, "expected a variable") != NULL;
    mem_replace(&node->text, sv_dup(p->token.text));
    if (!advance(p, false, errp))
        return false;
    if (p->token.kind != TOKEN_WORD || !sv_eq_str(p->token.text, "ireduce"))
        return expect(p, "|", true, errp) && (node->right = parse(p, RANK_NONE, errp));
    node->kind = NODE_REDUCE;
    if (!advance(p, true, errp) || !expect(p, "(", true, errp))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if ((i == 1 && !expect(p, ";", true, errp)) || !(kid = parse(p, RANK_NONE, errp)))
            return false;
        *vec_push(&node->kids) = kid;
    }
    return expect(p, ")", false, errp);
}

/* "a, b, c" and "a | b | c" are one node each, however long. */
static bool parse_chain(struct parser *p, struct node *node, const char *op, enum rank rank,
                        struct err **errp)
{
    *vec_push(&node->kids) = MOVE(node->left);
    while (is_op(p, op)) {
        struct node *kid = advance(p, true, errp) ? parse(p, rank, errp) : NULL;

        if (!kid)
            return false;
        *vec_push(&node->kids) = kid;
    }
    return true;
}

static struct node *parse_infix(struct parser *p, struct node *take_left, size_t infix,
                                struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(infixes[infix].kind, p->token.at);
    struct sv name = p->token.text;

    node->left = take_left;
    node->text = sv_dup(name);
    if (node->kind == NODE_COMMA || node->kind == NODE_PIPE)
        return parse_chain(p, node, infixes[infix].name, infixes[infix].rank, errp) ? MOVE(node)
                                                                                    : NULL;
    if (node->kind == NODE_BINARY)
        node->operation = operation_find(name);
    else if (node->kind == NODE_ASSIGN && name.n == 2 && name.p[0] != '|')
        node->operation = operation_find(sv_slice(name, 0, 1));
    if (!advance(p, node->kind != NODE_BIND, errp))
        return NULL;
    if (node->kind == NODE_BIND)
        return parse_bind(p, node, errp) ? MOVE(node) : NULL;
    /* The same rank again on the right: to the right they group. */
    node->right = parse(p, infixes[infix].rank - 1, errp);
    return node->right ? MOVE(node) : NULL;
}

/* "X style = Y": a trait behind what has it; the trait is next. */
static struct node *parse_trait(struct parser *p, struct node *take_left, struct err **errp)
{
    AUTO_CALL(node_auto) struct node *node = node_new(NODE_TRAIT, p->token.at);

    node->left = take_left;
    node->text = sv_dup(p->token.text);
    node->trait = trait_find(p->token.text);
    if (!advance(p, false, errp) || !expect(p, "=", true, errp))
        return NULL;
    node->right = parse(p, RANK_ASSIGN - 1, errp);
    return node->right ? MOVE(node) : NULL;
}

/* Everything that binds tighter than rank. */
static struct node *parse(struct parser *p, enum rank rank, struct err **errp)
{
    struct node *node;
    int infix;

    if (++p->depth > EXPR_DEPTH_MAX)
        return fail(p, errp, "the expression is nested too deeply");
    node = parse_operand(p, errp);
    while (node)
        if (p->token.kind == TOKEN_WORD && rank < RANK_ASSIGN && trait_find(p->token.text))
            node = parse_trait(p, node, errp);
        else if ((infix = find_infix(p)) >= 0 && infixes[infix].rank > rank)
            node = parse_infix(p, node, (size_t)infix, errp);
        else
            break;
    p->depth--;
    return node;
}

struct expr *expr_parse(struct sv text, struct err **errp)
{
    struct parser p = { 0 };
    auto_expr struct expr *expr = NULL;

    if (text.n > EXPR_TEXT_MAX || !utf8_is_valid(text) || memchr(text.p, 0, text.n)) {
        err_set(errp, ERR_INVALID, "the expression is %s",
                text.n > EXPR_TEXT_MAX ? "too long" : "no UTF-8 text");
        return NULL;
    }
    expr = mem_new(struct expr);
    expr->text = sv_dup(text);
    p.lex.text = sv_of(expr->text);
    if (!advance(&p, true, errp) || !(expr->root = parse(&p, RANK_NONE, errp)))
        return NULL;
    if (p.token.kind != TOKEN_END) {
        fail(&p, errp, "expected an operator");
        return NULL;
    }
    return MOVE(expr);
}

void expr_free(struct expr *expr)
{
    if (!expr)
        return;
    node_free(expr->root);
    free(expr->text);
    free(expr);
}
