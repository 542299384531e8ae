#include "model/config/vars.h"

#include "base/sb.h"
#include "lang/gotmpl/gotmpl.h"

struct top {
    const json_t *vars;
    const char *type;
};

static const json_t *find_field(void *ctx, const json_t *object, const char *name,
                                const char **out_type)
{
    const struct top *top = ctx;

    *out_type = object == top->vars ? top->type : NULL;
    return json_object_get(object, name);
}

bool vars_expand(const char *text, const json_t *vars, const char *type, char **out_text,
                 struct err **errp)
{
    struct top top = { vars, type };
    struct gotmpl_resolver resolver = { .field = find_field, .ctx = &top };
    auto_gotmpl struct gotmpl *tmpl = gotmpl_parse(type ? "format" : "", sv_of(text), 0, errp);
    auto_sb struct sb out = { 0 };

    if (!tmpl || !gotmpl_run(tmpl, vars, &resolver, &out, errp))
        return false;
    *out_text = sb_steal(&out);
    return true;
}
