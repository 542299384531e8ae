#include "prog/limactl/rewrite.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/sb.h"
#include "lang/expr/expr.h"
#include "lang/yaml/yaml_text.h"
#include "model/store/names.h"
#include "prog/limactl/editor.h"
#include "sys/file.h"

#define REJECTED "lima.REJECTED.yaml"
#define LAYER_MAX ((size_t)4 << 20)

static struct yaml_doc *load(const char *yaml, const char *path, struct err **errp)
{
    struct yaml_doc *doc = yaml_load(sv_of(yaml), errp);
    auto_mem char *shown = quote_tick_dup(path);

    if (!doc)
        err_wrap(errp, "failed to unmarshal YAML (main file %s)", shown);
    return doc;
}

/* Names of the parameters that the template defines. */
static bool list_params(const char *yaml, const char *path, struct strv *out, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = load(yaml, path, errp);
    const struct yaml_node *params;

    if (!doc)
        return false;
    params = yaml_get(doc->root, "param");
    for (size_t i = 0; params && params->kind == YAML_MAP && i < params->n; i++)
        strv_push_sv(out, params->entries[i].key->text);
    return true;
}

bool rewrite_by_flags(const char *yaml, const char *path, const struct edit_opts *edit,
                      const struct create_opts *create, const char *existing,
                      const struct store *store, char **out, struct err **errp)
{
    auto_mem char *cwd = realpath(".", NULL);
    auto_mem char *expression = NULL;
    auto_yaml_doc struct yaml_doc *doc = NULL;
    auto_strv struct strv params = { 0 };

    if (edit->param.set && !list_params(yaml, path, &params, errp))
        return false;
    if (!edit_flags_expression(edit, create,
                               &(struct edit_context){
                                   .cwd = cwd ? cwd : "/",
                                   .home = store->env.host.user_home,
                                   .params = &params,
                                   .existing = existing,
                               },
                               &expression, errp))
        return false;
    if (expression[0] == '\0') {
        *out = mem_strdup(yaml);
        return true;
    }
    log_debug("yq expression: %s", expression);
    doc = load(yaml, path, errp); /* the expression would tell the place in it, not the file */
    return doc && expr_edit_text(sv_of(yaml), sv_of(expression), out, errp);
}

/* The settings of one file as comment lines. */
static bool put_layer(struct sb *out, const struct store *store, const char *name, struct err **errp)
{
    auto_mem char *path = store_config_path(store, name);
    auto_mem char *text = NULL;
    struct sv rest, line;

    if (!file_exists(path))
        return true;
    if (!file_read_text(path, LAYER_MAX, &text, errp))
        return false;
    sb_putf(out, "# WARNING: %s includes the following settings,\n# which are applied %s:\n# -----\n", path,
            str_eq(name, NAME_DEFAULT_YAML) ? "to keys that are not set below" : "on top of this file");
    rest = sv_trim(sv_of(text));
    while (sv_next(&rest, '\n', &line))
        sb_putf(out, "# %.*s\n", SV_ARG(line));
    sb_puts(out, "# -----\n\n");
    return true;
}

bool rewrite_in_editor(const char *yaml, const struct store *store, const char *title, char **out,
                       struct err **errp)
{
    auto_sb struct sb header = { 0 };

    sb_putf(&header,
            "# %s\n"
            "# Save an empty file to abort. These comment lines are removed again.\n\n", title);
    return put_layer(&header, store, NAME_DEFAULT_YAML, errp) &&
           put_layer(&header, store, NAME_OVERRIDE_YAML, errp) &&
           editor_run(sb_str(&header), yaml, out, errp);
}

bool rewrite_reject(const char *yaml, struct err **errp)
{
    auto_err struct err *why = NULL;

    if (!file_write_atomic(REJECTED, sv_of(yaml), 0644, &why)) {
        log_warn("cannot save the rejected configuration: %s", err_text(why));
        return false;
    }
    return err_wrap(errp, "the YAML is invalid, saved the buffer as `" REJECTED "`");
}
