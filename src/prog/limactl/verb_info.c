/* limactl info: facts about this installation as JSON (reference: cli section 10.1). */
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "driver/driver_type.h"
#include "lang/expr/expr.h"
#include "lang/json/json.h"
#include "model/store/names.h"
#include "prog/limactl/env_filter.h"
#include "prog/limactl/json_paint.h"
#include "prog/limactl/output.h"
#include "prog/limactl/template_source.h"
#include "prog/limactl/verb.h"
#include "sys/dir.h"
#include "sys/host.h"
#include "sys/prefix.h"

#define AGENT_PREFIX "lima-guestagent."
#define LINUX_PREFIX "Linux-"

struct info_opts {
    struct arg_str yq;
};

static const struct opt info_rows[] = {
    { OPT_AT(STR, struct info_opts, yq), .name = "yq", .value = "EXPR", .preset = ".",
      .help = "Apply a yq expression" },
};

static json_t *location(const char *path)
{
    return json_pack("{s:s}", "location", path);
}

static json_t *templates(const struct store *store)
{
    auto_strv struct strv names = { 0 };
    auto_strv struct strv paths = { 0 };
    json_t *list = json_array();

    template_source_list(store, &names, &paths);
    for (size_t i = 0; i < names.n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", names.v[i], "location", paths.v[i]));
    return list;
}

/* The default template with the defaults of the program filled in; its bases are not resolved. */
static json_t *default_template(const struct store *store, struct err **errp)
{
    auto_template struct template tmpl = { 0 };
    auto_config struct instance_config config = { 0 };
    auto_err struct err *why = NULL;

    /* Without that template the defaults of the program alone are shown. */
    if (!template_source_read(store, "template:default", &tmpl, &why) && err_kind(why) != ERR_NOT_FOUND) {
        err_propagate(errp, MOVE(why));
        return NULL;
    }
    struct config_input in = { .name = path_base(store->home), .dir = store->home, .path = "default.yaml",
                               .text = sv_of(tmpl.text ? tmpl.text : "") };

    if (!config_fill(&config, &store->env, &in, NULL, errp))
        return NULL;
    return config_to_json(&config);
}

static json_t *drivers(const struct store *store)
{
    auto_mem char *cache_dir = store_cache_dir(store);
    json_t *all = json_object();

    for (size_t i = 0; i < n_driver_types; i++) {
        auto_driver_findings struct driver_findings findings = { 0 };
        json_t *facts = json_object();

        driver_type_examine(driver_types[i], host_arch(), cache_dir, &findings);
        for (size_t j = 0; j < findings.n; j++)
            json_object_set_new(facts, findings.v[j].key, json_string(findings.v[j].value));
        json_object_set_new(all, driver_types[i]->name, facts);
    }
    return all;
}

static json_t *guest_agents(const char *share_dir)
{
    auto_strv struct strv names = { 0 };
    json_t *all = json_object();

    if (!dir_list(share_dir, &names, NULL))
        return all;
    for (size_t i = 0; i < names.n; i++) {
        const char *key = names.v[i] + strlen(AGENT_PREFIX);
        auto_mem char *path = path_join(share_dir, names.v[i]);

        if (!str_starts(names.v[i], AGENT_PREFIX))
            continue;
        if (str_starts(key, LINUX_PREFIX))
            key += strlen(LINUX_PREFIX);
        json_object_set_new(all, key, location(path));
    }
    return all;
}

/* The directories of the installation that exist, or null. */
static json_t *existing_dir(const char *dir)
{
    return dir_exists(dir) ? json_pack("[s]", dir) : json_null();
}

static json_t *make_info(const struct store *store, struct err **errp)
{
    auto_mem char *prefix = NULL;
    auto_strv struct strv offered = { 0 };
    json_t *defaults = default_template(store, errp);
    json_t *names = json_array(), *locations = json_object(), *block = json_array();

    if (!defaults || !prefix_dir(&prefix, errp)) {
        json_decref(defaults);
        json_decref(names);
        json_decref(locations);
        json_decref(block);
        return NULL;
    }
    auto_mem char *share_dir = path_join(prefix, "share/lima");
    auto_mem char *libexec_dir = path_join(prefix, "libexec/lima");
    auto_mem char *identity = store_config_path(store, NAME_USER_KEY);

    driver_type_names(&offered);
    for (size_t i = 0; i < offered.n; i++) {
        json_array_append_new(names, json_string(offered.v[i]));
        json_object_set_new(locations, offered.v[i], location("internal"));
    }
    for (const char *const *name = env_filter_builtin; *name; name++)
        json_array_append_new(block, json_string(*name));
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:n, s:o, s:o, s:o}",
                     "version", LIMA_VERSION "+clima." CLIMA_VERSION, "templates", templates(store),
                     "defaultTemplate", defaults, "limaHome", store->home, "vmTypes", names, "vmTypesEx",
                     locations, "guestAgents", guest_agents(share_dir), "shellEnvBlock", block, "hostOS",
                     store->env.host.os, "hostArch", store->env.host.arch, "identityFile", identity,
                     "plugins", "libexecPaths", existing_dir(libexec_dir), "sharePaths",
                     existing_dir(share_dir), "drivers", drivers(store));
}

static void print_value(const json_t *value)
{
    auto_sb struct sb out = { 0 };

    if (json_is_string(value))
        sb_puts(&out, json_string_value(value));
    else
        json_paint(&out, value, output_is_tty());
    sb_putc(&out, '\n');
    output_put(sb_view(&out));
}

static bool info_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct info_opts *o = opts;
    auto_store struct store store = { 0 };
    auto_json json_t *info = NULL;
    auto_json json_t *results = NULL;
    json_t *result;
    size_t i;

    if (!store_open(&store, errp) || !(info = make_info(&store, errp)))
        return false;
    json_drop_empty_objects(info);
    if (strcmp(o->yq.v, ".") == 0) {
        print_value(info);
        return true;
    }
    if (!expr_eval_json(info, sv_of(o->yq.v), &results, errp))
        return false;
    json_array_foreach(results, i, result)
        print_value(result);
    return true;
}

const struct verb verb_info = {
    .name = "info",
    .group = VERB_ADVANCED,
    .summary = "Show facts about this installation as JSON",
    .opts = { { NULL, info_rows, COUNT(info_rows), 0 } },
    .opts_size = sizeof(struct info_opts),
    .run = info_run,
};
