/* Refuses expressions and Go templates until lang/expr and lang/gotmpl evaluate them. */
#include "lang/expr/expr.h"
#include "lang/gotmpl/gotmpl.h"

bool expr_edit_text(struct sv text, struct sv expression, char **out, struct err **errp)
{
    return err_set(errp, ERR_UNSUPPORTED, "expressions are not available in this build");
}

bool expr_eval_json(const json_t *value, struct sv expression, json_t **out, struct err **errp)
{
    return err_set(errp, ERR_UNSUPPORTED, "expressions are not available in this build");
}

struct gotmpl *gotmpl_parse(const char *name, struct sv text, unsigned flags, struct err **errp)
{
    err_set(errp, ERR_UNSUPPORTED, "templates are not available in this build");
    return NULL;
}

void gotmpl_free(struct gotmpl *tmpl)
{
}

bool gotmpl_run(const struct gotmpl *tmpl, const json_t *data, const struct gotmpl_resolver *resolver,
                struct sb *out, struct err **errp)
{
    return err_set(errp, ERR_UNSUPPORTED, "templates are not available in this build");
}
