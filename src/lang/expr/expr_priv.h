/*
 * Inside lang/expr: tokens, the tree, and what operations need of the evaluator.
 */
#ifndef LANG_EXPR_EXPR_PRIV_H
#define LANG_EXPR_EXPR_PRIV_H

#include <stdarg.h>

#include "base/sb.h"
#include "base/vec.h"
#include "lang/expr/expr.h"

/* What a text may ask for at most: an expression may come from a file. */
enum {
    EXPR_TEXT_MAX = 1 << 20,
    EXPR_DEPTH_MAX = 200,
    EXPR_PATH_MAX = 100,      /* steps, as deep as a document may be */
    EXPR_STEPS_MAX = 1 << 18, /* evaluated nodes, items, compared and copied values */
    EXPR_STEP_BYTES = 128,    /* so much of a text counts like a value */
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
    bool is_inside; /* of \( ) in a string, where strings may be written \"...\" */
};

/* Reads the next token; an operand may begin here: then "-1" is a number. */
bool lex_next(struct lexer *lex, bool operand, struct token *out, struct err **errp) MUST_USE;
/* Errors with line and column of the offset: ERR_INVALID, ERR_UNSUPPORTED, any kind. */
bool lex_fail(struct sv text, size_t at, struct err **errp, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool lex_refuse(struct sv text, size_t at, struct err **errp, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
bool lex_vfail(struct sv text, size_t at, enum err_kind kind, struct err **errp, const char *fmt,
               va_list args) PRINTF_LIKE(5, 0);

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
    NODE_PIPE,    /* kids, each on the results of the one before */
    NODE_COMMA,   /* kids, all on the same */
    NODE_BINARY,  /* left text right */
    NODE_ASSIGN,  /* left text right: "=" "|=" "+=" ... */
    NODE_TRAIT,   /* left style = right; without left it is a CALL and an ASSIGN */
    NODE_CALL,    /* text(kids) */
    NODE_VAR,     /* $text */
    NODE_BIND,    /* left as $text | right */
    NODE_REDUCE,  /* left as $text ireduce (kids[0]; kids[1]) */
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
    const struct trait *trait;         /* TRAIT */
};

void node_free(struct node *node);

struct expr {
    char *text;
    struct node *root;
};

/* ---- items (item.c) ---- */

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
    struct sv text;         /* of the expression, for messages */
    VEC(struct item *) all; /* every item made, freed at the end */
    struct {
        const char *name;
        struct item *value;
    } vars[16];
    unsigned n_vars, depth;
    size_t n_steps;
};

struct item *item_new(struct eval *ev, struct yaml_node *node);
/* Adds what is at a key, or an index, of an item; scalars have neither. */
bool item_get_key(struct eval *ev, const struct node *e, struct item *in, struct sv key,
                  struct items *out, struct err **errp) MUST_USE;
bool item_get_index(struct eval *ev, const struct node *e, struct item *in, int64_t index,
                    struct items *out, struct err **errp) MUST_USE;
void item_iterate(struct eval *ev, struct item *in, struct items *out);
/* Gives the item the value, which is used up; makes what is missing above it. */
bool item_assign(struct eval *ev, const struct node *e, struct item *item, struct yaml_node *value,
                 struct err **errp) MUST_USE;
/* The entry of the item in what it is in; NULL when there is none. */
struct yaml_entry *item_entry(const struct item *item);

/* ---- evaluation (eval.c) ---- */

bool eval_node(struct eval *ev, const struct node *e, struct item *in, struct items *out,
               struct err **errp) MUST_USE;
/* The first result; a null when there is none. */
bool eval_first(struct eval *ev, const struct node *e, struct item *in, struct item **out,
                struct err **errp) MUST_USE;
/* Counts work; ERR_INVALID when it is too much for one expression. */
bool eval_spend(struct eval *ev, const struct node *e, size_t n_steps, struct err **errp) MUST_USE;
/* May a text of n bytes be made? */
bool eval_may_hold(const struct eval *ev, const struct node *e, size_t n,
                   struct err **errp) MUST_USE;
/* A copy, which counts as work. */
struct yaml_node *eval_copy(struct eval *ev, const struct yaml_node *node);
struct yaml_node *eval_new_text(struct eval *ev, struct sv text);
/* Adds a value of its own. */
void eval_put(struct eval *ev, struct items *out, struct yaml_node *value);
void eval_put_text(struct eval *ev, struct items *out, struct sv text);
void eval_put_bool(struct eval *ev, struct items *out, bool value);
bool eval_fail(const struct eval *ev, const struct node *e, struct err **errp, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Everything but null and false. */
bool eval_is_true(const struct yaml_node *node);

/* ---- operations (ops.c) ---- */

/* Which left value settles the result, so that the right one does not matter. */
enum shortcut { SHORTCUT_NONE, SHORTCUT_IF_TRUE, SHORTCUT_IF_FALSE };

/* A new value of two; NULL: see errp. */
struct operation {
    const char *name;
    struct yaml_node *(*run)(struct eval *ev, const struct node *e, struct yaml_node *a,
                             struct yaml_node *b, struct err **errp);
    enum shortcut shortcut;
};
const struct operation *operation_find(struct sv name);

/* ---- functions (funcs.c has the table) ---- */

#define CALL_PARAMS \
    struct eval *ev, const struct node *e, struct item *in, struct items *out, struct err **errp

struct function {
    const char *name;
    unsigned n_args;
    bool (*run)(CALL_PARAMS);
};
const struct function *expr_function_find(struct sv name); /* NULL: not available */
const char *expr_function_refusal(struct sv name);         /* why not, NULL: unknown */

/* collections.c */
bool func_any(CALL_PARAMS) MUST_USE;
bool func_contains(CALL_PARAMS) MUST_USE;
bool func_from_entries(CALL_PARAMS) MUST_USE;
bool func_map(CALL_PARAMS) MUST_USE;
bool func_sort(CALL_PARAMS) MUST_USE;
bool func_to_entries(CALL_PARAMS) MUST_USE;
bool func_unique(CALL_PARAMS) MUST_USE;
bool func_with_entries(CALL_PARAMS) MUST_USE;

/* texts.c */
bool func_join(CALL_PARAMS) MUST_USE;
bool func_split(CALL_PARAMS) MUST_USE;
bool func_sub(CALL_PARAMS) MUST_USE;
bool func_test(CALL_PARAMS) MUST_USE;

/* ---- traits of values that are no values themselves: styles, comments (traits.c) ---- */

struct trait {
    const char *name;
    void (*get)(const struct item *item, struct sb *out);
    bool (*set)(struct eval *ev, const struct node *e, struct item *item, struct sv text,
                struct err **errp);
};
const struct trait *trait_find(struct sv name); /* NULL: there is none */

#endif
