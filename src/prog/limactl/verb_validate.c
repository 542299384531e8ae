/* limactl validate (reference: cli section 10.5, config section 10). */
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "prog/limactl/output.h"
#include "prog/limactl/template_source.h"
#include "prog/limactl/verb.h"

struct validate_opts {
    struct arg_bool fill;
};

static const struct opt validate_rows[] = {
    { OPT_AT(BOOL, struct validate_opts, fill), .name = "fill",
      .help = "Print the configuration with all defaults filled in" },
};

static bool print_filled(const struct store *store, const struct config_input *in, bool several,
                         struct err **errp)
{
    auto_config struct instance_config config = { 0 };
    auto_sb struct sb out = { 0 };

    if (!config_fill(&config, &store->env, in, NULL, errp))
        return false;
    if (several)
        sb_puts(&out, "---\n");
    config_to_yaml(&config, &out);
    if (several)
        sb_puts(&out, "...\n");
    output_put(sb_view(&out));
    return true;
}

static void log_warnings(const struct config_warnings *warnings)
{
    for (size_t i = 0; i < warnings->n; i++) {
        struct log_field fields[2];
        size_t n = config_warning_fields(&warnings->v[i], fields);

        log_fields(LOG_WARN, fields, n, "%s", warnings->v[i].text);
    }
}

static bool check(const struct store *store, const struct config_input *in, struct err **errp)
{
    auto_config struct instance_config config = { 0 };
    auto_config_warnings struct config_warnings warnings = { 0 };
    auto_strv struct strv unserved = { 0 };
    bool ok = config_load(&config, &store->env, in, &warnings, errp) &&
              config_check(&config, &store->env, errp);

    if (ok)
        config_check_warn(&config, &store->env, &warnings);
    log_warnings(&warnings);
    if (!ok)
        return false;
    config_unserved(&config, &unserved);
    for (size_t i = 0; i < unserved.n; i++)
        log_warn("%s", unserved.v[i]);
    return true;
}

static bool validate_one(const struct store *store, const char *locator, bool fill, bool several,
                         struct err **errp)
{
    auto_template struct template tmpl = { 0 };
    auto_mem char *shown = quote_tick_dup(locator);

    if (!template_source_read(store, locator, &tmpl, errp))
        return false;
    if (!tmpl.name)
        return err_set(errp, ERR_INVALID, "can't determine instance name from template locator %s", shown);
    /* As if the file lay in the home of all instances. */
    struct config_input in = { .name = path_base(store->home), .dir = store->home,
                               .path = tmpl.locator, .text = sv_of(tmpl.text) };

    if (!check(store, &in, errp) || (fill && !print_filled(store, &in, several, errp)))
        return err_wrap(errp, "failed to validate YAML file %s", shown);
    log_info("%s: OK", shown);
    return true;
}

static bool validate_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct validate_opts *o = opts;
    auto_store struct store store = { 0 };

    if (!store_open(&store, errp))
        return false;
    for (size_t i = 0; i < args->n; i++)
        if (!validate_one(&store, args->v[i], o->fill.v, args->n > 1, errp))
            return false;
    return true;
}

const struct verb verb_validate = {
    .name = "validate",
    .group = VERB_ADVANCED,
    .args = "TEMPLATE [TEMPLATE...]",
    .summary = "Check templates",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .opts = { { NULL, validate_rows, COUNT(validate_rows), 0 } },
    .opts_size = sizeof(struct validate_opts),
    .run = validate_run,
};
