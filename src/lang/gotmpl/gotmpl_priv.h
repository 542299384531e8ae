/*
 * Tokens, tree and values; shared by the sources of this folder.
 */
#ifndef LANG_GOTMPL_GOTMPL_PRIV_H
#define LANG_GOTMPL_GOTMPL_PRIV_H

#include "base/map.h"
#include "base/strv.h"
#include "base/vec.h"
#include "lang/gotmpl/gotmpl.h"

#define GOTMPL_MAX_DEPTH  100 /* nested parentheses, actions and templates */
#define GOTMPL_MAX_STEPS  1000000u
#define GOTMPL_MAX_OUTPUT ((size_t)4 << 20)
#define GOTMPL_MAX_MEMORY ((size_t)64 << 20) /* of values made while running */

/* ---- lex.c ---- */

enum token_kind {
    TOKEN_EOF,
    TOKEN_TEXT,
    TOKEN_LEFT,  /* {{ */
    TOKEN_RIGHT, /* }} */
    TOKEN_SPACE,
    TOKEN_FIELD,      /* .Name */
    TOKEN_DOT,        /* . */
    TOKEN_VARIABLE,   /* $name or $ */
    TOKEN_IDENTIFIER, /* function or keyword */
    TOKEN_STRING,     /* "..." or `...`, quotes included */
    TOKEN_CHAR,       /* 'x' */
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_COMMA,
    TOKEN_DECLARE, /* := */
    TOKEN_ASSIGN,  /* = */
    TOKEN_OPEN,    /* ( */
    TOKEN_CLOSE,
};

struct token {
    enum token_kind kind;
    struct sv text; /* borrowed from the template */
    size_t pos;
};

struct lexer {
    const char *name;
    struct sv text;
    size_t pos;
    bool in_action;
    bool trim_next; /* the text that follows loses its leading blanks */
};

bool lexer_next(struct lexer *l, struct token *out, struct err **errp);
/* "template: NAME:LINE: text"; returns false. */
bool lexer_fail(const struct lexer *l, size_t pos, struct err **errp, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* ---- parse.c ---- */

enum arg_kind {
    ARG_DOT,
    ARG_NIL,
    ARG_CONSTANT, /* value */
    ARG_FIELD,    /* fields of dot */
    ARG_VARIABLE, /* fields of a variable */
    ARG_CHAIN,    /* fields of a pipeline in parentheses */
    ARG_FUNCTION,
};

struct arg {
    enum arg_kind kind;
    size_t pos;
    struct sv source; /* as written, for messages */
    char *name;       /* of the variable or function */
    struct strv fields;
    json_t *constant;
    struct pipeline *pipeline;
};

struct command {
    struct arg *v;
    size_t n, cap;
    size_t pos;
    struct sv source;
};

struct pipeline {
    char *variables[2]; /* declared or assigned; [1] only in range */
    unsigned n_variables;
    bool is_assignment; /* "=", not ":=" */
    struct command *v;
    size_t n, cap;
    size_t pos;
    struct sv source;
};

enum node_kind {
    NODE_TEXT,
    NODE_PIPELINE,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE
};

struct node_list {
    struct node *v;
    size_t n, cap;
};

struct node {
    enum node_kind kind;
    size_t pos;
    struct sv text;            /* NODE_TEXT */
    char *name;                /* NODE_TEMPLATE */
    struct pipeline *pipeline; /* NULL for a template without data */
    struct node_list body, other;
};

struct gotmpl {
    char *name, *text;
    unsigned flags;
    struct node_list body;
    struct map defined; /* name -> struct node_list * */
};

bool gotmpl_parse_text(struct gotmpl *t, struct err **errp);

/* ---- funcs.c, format.c ---- */

/* NULL stands for a value that is not there: it prints as "<no value>". */
typedef const json_t *value;

struct exec;
/* Keeps a value alive until the run ends; returns it. */
value exec_keep(struct exec *x, json_t *take_json);
/* Makes a string value; fails when the text is cut off or the run has made too much already. */
bool exec_keep_text(struct exec *x, const struct sb *text, value *out, struct err **errp);
/* What a function that encodes its argument writes for it. */
value exec_encoded(const struct exec *x, value v);
/* Counts bytes against what a run may use. */
bool exec_spend(struct exec *x, size_t n, struct err **errp);

struct function {
    const char *name;
    /* Returns false after setting *errp to the bare text. */
    bool (*call)(struct exec *x, const value *args, size_t n, value *out, struct err **errp);
    int min_args, max_args; /* max_args -1: any number */
    bool is_for_lists;      /* GOTMPL_LIST_FUNCS */
};
/* NULL when there is none. "and" and "or" have no call: they do not evaluate all arguments. */
const struct function *function_find(const char *name, unsigned flags);

bool value_is_true(value v);
/* The word Go has for the type: "string", "int", "float64", "bool", "[]interface {}", ... */
const char *value_type(value v);
/* As %v prints it. */
void format_value(struct sb *out, value v);
/* As Printf does it, with its ways to complain inside of the output. */
void format_printf(struct sb *out, struct sv format, const value *args, size_t n);

#endif
