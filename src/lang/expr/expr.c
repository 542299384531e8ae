#include "lang/expr/expr.h"

#include "base/mem.h"
#include "lang/expr/expr_priv.h"
#include "lang/yaml/yaml_text.h"

void expr_results_done(struct expr_results *results)
{
    vec_done(results);
}

bool expr_eval(const struct expr *expr, struct yaml_doc *doc, struct expr_results *out,
               struct err **errp)
{
    struct eval ev = { .doc = doc, .text = sv_of(expr->text) };
    struct items found = { 0 };
    bool ok = eval_node(&ev, expr->root, item_new(&ev, doc->root), &found, errp);

    for (size_t i = 0; i < found.n && ok; i++)
        *vec_push(out) = found.v[i]->node;
    vec_done(&found);
    for (size_t i = 0; i < ev.all.n; i++)
        free(ev.all.v[i]);
    vec_done(&ev.all);
    return ok;
}

/* What cannot be read again is not written. */
static bool fits_text(const struct yaml_node *node, unsigned depth, size_t *n_nodes)
{
    if (++*n_nodes > YAML_MAX_NODES || depth > YAML_MAX_DEPTH)
        return false;
    for (size_t i = 0; i < node->n; i++) {
        *n_nodes += node->entries[i].key != NULL;
        if (!fits_text(node->entries[i].value, depth + 1, n_nodes))
            return false;
    }
    return true;
}

bool expr_edit_text(struct sv text, struct sv expression, char **out, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = NULL;
    auto_expr struct expr *expr = NULL;
    auto_expr_results struct expr_results results = { 0 };
    auto_sb struct sb edited = { 0 };
    size_t n_nodes = 0;
    bool fits = true;

    if (sv_trim(expression).n == 0) {
        *out = sv_dup(text);
        return true;
    }
    if (!(expr = expr_parse(expression, errp)) || !(doc = yaml_load(text, errp)) ||
        !expr_eval(expr, doc, &results, errp))
        return false;
    if (results.n > 0)
        fits = fits_text(results.v[0], 0, &n_nodes);
    if (results.n > 0 && fits && results.v[0] == doc->root)
        yaml_emit(&edited, doc);
    else if (results.n > 0 && fits)
        yaml_emit_node(&edited, results.v[0]);
    if (!fits || edited.n > YAML_MAX_BYTES)
        return err_set(errp, ERR_INVALID, "the result of the expression is too large");
    *out = sb_steal(&edited);
    return true;
}

bool expr_eval_json(const json_t *value, struct sv expression, json_t **out, struct err **errp)
{
    auto_expr struct expr *expr = expr_parse(expression, errp);
    auto_yaml_doc struct yaml_doc *doc = expr ? yaml_from_json(value) : NULL;
    auto_expr_results struct expr_results results = { 0 };

    if (!expr || !expr_eval(expr, doc, &results, errp))
        return false;
    *out = json_array();
    for (size_t i = 0; i < results.n; i++)
        json_array_append_new(*out, yaml_to_json(results.v[i]));
    return true;
}
