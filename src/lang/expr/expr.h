/*
 * Expressions in the language of yq v4, the part that Lima's users write (reference: cli section
 * 13): paths, literals, assignments, operators, select, del, unique and so on. What is not
 * supported is refused by its name.
 *
 * An expression is evaluated on a document and yields nodes of it, or new ones that the document
 * owns; assignments change the document.
 *
 *     char *text;
 *     if (!expr_edit_text(sv_of(old), SV(".cpus = 2 | .memory = \"2GiB\""), &text, errp))
 *         return err_wrap(errp, "--set");
 */
#ifndef LANG_EXPR_EXPR_H
#define LANG_EXPR_EXPR_H

#include <jansson.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sv.h"
#include "base/vec.h"
#include "lang/yaml/node.h"

struct expr;

/* ERR_INVALID names the place; ERR_UNSUPPORTED an operator that is not available. NULL on error. */
struct expr *expr_parse(struct sv text, struct err **errp) MUST_USE;
void expr_free(struct expr *expr);
AUTO_DECLARE(struct expr, expr);
#define auto_expr AUTO_CALL(expr_auto)

struct expr_results {
    struct yaml_node **v; /* borrowed from the document */
    size_t n, cap;
};
void expr_results_done(struct expr_results *results);
#define auto_expr_results AUTO_CALL(expr_results_done)

/* Evaluates on the root of doc, which assignments change. */
bool expr_eval(const struct expr *expr, struct yaml_doc *doc, struct expr_results *out,
               struct err **errp) MUST_USE;

/* Applies an expression to a YAML text: the first result is the new document, comments included. A
 * blank expression gives the text back unchanged. *out is owned. */
bool expr_edit_text(struct sv text, struct sv expression, char **out, struct err **errp) MUST_USE;

/* Evaluates on a JSON value, which stays unchanged; *out is a new array of the results. */
bool expr_eval_json(const json_t *value, struct sv expression, json_t **out,
                    struct err **errp) MUST_USE;

#endif
