/*
 * A template's source on its way into the tree; shared by the sources that parse. parse.c owns the parser
 * and reads actions, pipeline.c what stands in them, constant.c literals.
 */
#ifndef LANG_GOTMPL_PARSE_PRIV_H
#define LANG_GOTMPL_PARSE_PRIV_H

#include "lang/gotmpl/gotmpl_priv.h"

struct parser {
    struct gotmpl *tmpl;
    struct lexer lexer;
    struct token token; /* the current one; blanks are skipped, space_before remembers them */
    bool space_before;
    size_t last_end;       /* end of the token before the current one */
    struct strv variables; /* in scope */
    int depth;
    int n_loops; /* around the current action */
};

/* ---- parse.c ---- */

/* To the next token that is not blank. */
bool parser_advance(struct parser *p, struct err **errp);
/* Blames the current token; returns false. */
bool parser_unexpected(struct parser *p, const char *context, struct err **errp);
bool parser_at_word(const struct parser *p, const char *word);
/* What was read from start up to the current token. */
struct sv parser_source(const struct parser *p, size_t start);

/* ---- pipeline.c ---- */

/* Up to the token end, which is left for the caller. *out is to be freed after a failure, too. */
bool pipeline_parse(struct parser *p, const char *context, enum token_kind end, struct pipeline **out,
                    struct err **errp);
void pipeline_free(struct pipeline *pipeline);

/* ---- constant.c ---- */

/* The current token, TOKEN_STRING or TOKEN_CHAR, as the constant of arg. */
bool constant_parse_string(struct parser *p, struct arg *arg, struct err **errp);
/* TOKEN_NUMBER. */
bool constant_parse_number(struct parser *p, struct arg *arg, struct err **errp);

#endif
