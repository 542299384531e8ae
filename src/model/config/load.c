/*
 * The pipeline of reference config section 6: read three layers, merge them by the tables, fill in
 * what depends on host and guest, expand templates, combine entries, fill in presets. The order
 * matters where a step reads what an earlier one wrote: templates need the user, the user's home
 * needs the system, entries of lists are combined by their expanded mount points.
 */
#include "model/config/config_priv.h"

#include "base/mem.h"
#include "base/quote.h"
#include "lang/schema/schema.h"
#include "lang/yaml/yaml_text.h"

void config_done(struct instance_config *config)
{
    schema_done(&instance_config_table, config);
}

static bool wrap_file(const char *role, const char *path, struct err **errp)
{
    auto_mem char *quoted = quote_tick_dup(path);

    return err_wrap(errp, "failed to unmarshal YAML (%s %s)", role, quoted);
}

static struct yaml_doc *parse(struct sv text, const char *role, const char *path, struct err **errp)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load_values(text, errp);

    if (!doc || !yaml_apply_merge_keys(doc, errp)) {
        wrap_file(role, path, errp);
        return NULL;
    }
    return MOVE(doc);
}

bool config_env_add_layer(struct config_env *env, enum config_layer_kind kind, const char *path,
                          struct sv text, struct err **errp)
{
    bool defaults = kind == CONFIG_LAYER_DEFAULTS;
    struct config_layer *layer = defaults ? &env->defaults : &env->overrides;

    yaml_doc_free(layer->doc);
    layer->doc = parse(text, defaults ? "default file" : "override file", path, errp);
    mem_replace(&layer->path, mem_strdup(path));
    return layer->doc != NULL;
}

void config_env_done(struct config_env *env)
{
    host_facts_done(&env->host);
    yaml_doc_free(env->defaults.doc);
    yaml_doc_free(env->overrides.doc);
    free(env->defaults.path);
    free(env->overrides.path);
    free(env->lima_home);
    free(env->networks_path);
    free(env->networks_text);
    *env = (struct config_env){ 0 };
}

static void warn_unknown(struct config_warnings *warnings, const char *role, const char *path,
                         const struct strv *unknown)
{
    auto_mem char *comment = NULL, *error = NULL, *quoted = NULL;

    if (unknown->n == 0)
        return;
    quoted = quote_tick_dup(path);
    comment = mem_printf("%s %s", role, quoted);
    error = strv_join(unknown, "; ");
    config_warn_error(warnings, comment, error, "Non-strict YAML detected; please check for typos");
}

static bool read_layer(struct instance_config *out, const struct yaml_node *root, const char *role,
                       const char *path, struct config_warnings *warnings, struct err **errp)
{
    auto_strv struct strv unknown = { 0 };

    if (!schema_load(&instance_config_table, out, root, &unknown, errp))
        return wrap_file(role, path, errp);
    warn_unknown(warnings, role, path, &unknown);
    return true;
}

static bool read_layers(struct config_job *job, struct instance_config *high,
                        struct instance_config *low, struct err **errp)
{
    const struct config_env *env = job->env;
    auto_yaml_doc struct yaml_doc *doc = parse(job->in->text, "main file", job->in->path, errp);

    if (!doc ||
        !read_layer(job->config, doc->root, "main file", job->in->path, job->warnings, errp))
        return false;
    if (env->defaults.doc && !read_layer(low, env->defaults.doc->root, "default file",
                                         env->defaults.path, job->warnings, errp))
        return false;
    return !env->overrides.doc || read_layer(high, env->overrides.doc->root, "override file",
                                             env->overrides.path, job->warnings, errp);
}

static void copy_map(struct field_map *to, const struct field_map *from)
{
    for (size_t i = 0; i < from->n; i++)
        field_map_set(to, from->v[i].key, from->v[i].value);
}

static void free_map(struct field_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        free(map->v[i].key);
        free(map->v[i].value);
    }
    vec_done(map);
}

static void fill(struct config_job *job)
{
    config_default_guest(job);
    config_expand_home(job);
    config_default_resources(job);
    config_expand_mounts(job);
    config_combine_mounts(job);
    config_combine_networks(job);
    config_default_lists(job);
    config_expand_scripts(job);
    schema_fill(&instance_config_table, job->config);
    config_apply_plain(job);
}

static bool load(struct config_job *job, struct err **errp)
{
    auto_config struct instance_config high = { 0 }, low = { 0 };
    AUTO_CALL(free_map) struct field_map params = { 0 };

    if (!read_layers(job, &high, &low, errp) || !config_check_params_used(job->config, errp))
        return false;
    copy_map(&params, &job->config->param);
    job->params = &params;
    if (job->env->defaults.doc || job->env->overrides.doc)
        schema_merge(&instance_config_table, job->config, &high, &low);
    fill(job);
    job->params = NULL;
    return true;
}

bool config_fill(struct instance_config *out, const struct config_env *env,
                 const struct config_input *in, struct config_warnings *warnings, struct err **errp)
{
    struct config_job job = { .config = out, .env = env, .in = in, .warnings = warnings };

    if (load(&job, errp))
        return true;
    config_done(out);
    return false;
}

bool config_load(struct instance_config *out, const struct config_env *env,
                 const struct config_input *in, struct config_warnings *warnings, struct err **errp)
{
    struct config_job job = { .config = out, .env = env, .in = in, .warnings = warnings };

    if (!config_fill(out, env, in, warnings, errp))
        return false;
    if (config_resolve(&job, errp))
        return true;
    config_done(out);
    return false;
}
