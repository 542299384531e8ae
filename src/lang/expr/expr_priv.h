/*
 * Inside lang/expr: tokens, the tree, and what operations need of the evaluator.
 */
#ifndef LANG_EXPR_EXPR_PRIV_H
#define LANG_EXPR_EXPR_PRIV_H

#include "base/sb.h"
#include "base/vec.h"
#include "lang/expr/expr.h"

/* What a text may ask for at most: an expression may come from a file. */
enum {
    EXPR_TEXT_MAX = 1 << 20,
    EXPR_DEPTH_MAX = 200,
    EXPR_STEPS_MAX = 1 << 16, /* evaluated nodes, items and copied values */
};

/* ---- tokens (lex.c) ---- */

enum token_kind {
    TOKEN_END,
    TOKEN_KEY,    /* ".name", ".\"name\"": text is the name, unescaped */
    TOKEN_DOT,    /* "." alone, also in front of "[" */
    TOKEN_DOTDOT, /* ".." */
    TOKEN_STRING, /* text is the raw inside: escapes and \( ) are for the parser */
    TOKEN_NUMBER,
    TOKEN_WORD, /* functions, and, or, true, null */
    TOKEN_VAR,  /* text without "$" */
    TOKEN_OP,   /* text is the operator or bracket */
};

struct token {
    enum token_kind kind;
    struct sv text;
    size_t at;      /* byte offset in the expression */
    bool is_quoted; /* KEY: was in quotes, text is raw */
};

struct lexer {
    struct sv text;
    size_t at;
};

/* Reads the next token; an operand may begin here: then "-1" is a number. */
bool lex_next(struct lexer *lex, bool operand, struct token *out, struct err **errp) MUST_USE;
/* ERR_INVALID with line and column of the offset. */
bool lex_fail(struct sv text, size_t at, struct err **errp, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* ---- the tree (parse.c) ---- */

enum node_kind {
    NODE_SELF,    /* . */
    NODE_RECURSE, /* .. */
    NODE_KEY,     /* left.text */
    NODE_INDEX,   /* left[right] */
    NODE_ITERATE, /* left[] */
    NODE_SCALAR,  /* text, plain or a string */
    NODE_TEXT,    /* a string with \( ): kids are texts and expressions in turn */
    NODE_LIST,    /* [left]; left may be NULL */
    NODE_MAP,     /* {...}: kids are keys and values in turn */
    NODE_PIPE,    /* left | right */
    NODE_COMMA,   /* left, right */
    NODE_BINARY,  /* left text right */
    NODE_ASSIGN,  /* left text right: "=" "|=" "+=" ... */
    NODE_STYLE,   /* left style = right; without left it is a CALL and an ASSIGN */
    NODE_CALL,    /* text(kids) */
    NODE_VAR,     /* $text */
    NODE_BIND,    /* left as $text | right */
};

struct node {
    enum node_kind kind;
    char *text;
    bool is_string; /* SCALAR */
    size_t at;      /* for messages */
    struct node *left, *right;
    VEC(struct node *) kids;
    const struct operation *operation; /* BINARY, ASSIGN with an operator in front of "=" */
    const struct function *function;   /* CALL */
};

void node_free(struct node *node);

struct expr {
    char *text;
    struct node *root;
};

/* ---- evaluation (eval.c) ---- */

/* A value and where it is. An item that is missing is a null which an assignment puts in place. */
struct item {
    struct yaml_node *node;
    struct item *up; /* what it is in; NULL: the root, or a value of its own */
    struct sv key;   /* in a map; p is NULL in a list */
    size_t index;    /* in a list */
    bool is_missing;
};

struct items {
    struct item **v; /* borrowed from the evaluation */
    size_t n, cap;
};

struct eval {
    struct yaml_doc *doc;
    struct sv text;
    VEC(struct item *) all; /* every item made, freed at the end */
    struct {
        const char *name;
        struct item *value;
    } vars[16];
    unsigned n_vars, depth;
    unsigned long n_steps;
};

bool eval_node(struct eval *ev, const struct node *e, struct item *in, struct items *out,
               struct err **errp) MUST_USE;
/* The first result; a null when there is none. */
bool eval_first(struct eval *ev, const struct node *e, struct item *in, struct item **out,
                struct err **errp) MUST_USE;
/* A copy, which counts as work. */
struct yaml_node *eval_copy(struct eval *ev, const struct yaml_node *node);
/* Adds a value of its own. */
void eval_put(struct eval *ev, struct items *out, struct yaml_node *value);
void eval_put_text(struct eval *ev, struct items *out, struct sv text);
void eval_put_bool(struct eval *ev, struct items *out, bool value);
/* Adds what is at a key, or an index, of an item. */
struct item *eval_child(struct eval *ev, struct item *up, struct sv key, size_t index,
                        struct yaml_node *value);
bool eval_get_key(struct eval *ev, struct item *in, struct sv key, struct items *out,
                  struct err **errp) MUST_USE;
bool eval_get_index(struct eval *ev, struct item *in, int64_t index, struct items *out,
                    struct err **errp) MUST_USE;
void eval_iterate(struct eval *ev, struct item *in, struct items *out);
/* Gives the item the value, which is used up; makes what is missing above it. */
bool eval_assign(struct eval *ev, struct item *item, struct yaml_node *value,
                 struct err **errp) MUST_USE;
bool eval_fail(const struct eval *ev, const struct node *e, struct err **errp, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Everything but null and false. */
bool eval_is_true(const struct yaml_node *node);

/* ---- operations (ops.c) ---- */

/* A new value of two; NULL: see errp. */
struct operation {
    const char *name;
    struct yaml_node *(*run)(struct eval *ev, const struct node *e, struct yaml_node *a,
                             struct yaml_node *b, struct err **errp);
};
const struct operation *operation_find(struct sv name);

/* ---- functions (funcs.c) ---- */

struct function {
    const char *name;
    unsigned args_min, args_max;
    bool (*run)(struct eval *ev, const struct node *e, struct item *in, struct items *out,
                struct err **errp);
};
/* NULL with ERR_UNSUPPORTED or ERR_INVALID. */
const struct function *function_find(struct sv name, struct err **errp);

#endif
