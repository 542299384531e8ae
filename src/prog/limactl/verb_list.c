/* limactl list (reference: cli section 6). */
#include <string.h>

#include "base/enum.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "lang/json/json.h"
#include "lang/yaml/yaml_text.h"
#include "model/store/inst_dir.h"
#include "prog/limactl/json_paint.h"
#include "prog/limactl/list_data.h"
#include "prog/limactl/list_table.h"
#include "prog/limactl/output.h"
#include "prog/limactl/target.h"
#include "sys/tty.h"

struct list_opts {
    struct arg_str format;
    struct arg_bool json, quiet, all_fields, list_fields;
    struct arg_list yq, filter;
};

static const char *const formats[] = { "table", "json", "yaml", NULL };

static const struct opt list_rows[] = {
    { OPT_AT(STR, struct list_opts, format), .letter = 'f', .name = "format", .preset = "table",
      .words = formats, .help = "Output format: table, json, yaml, or a Go template" },
    { OPT_AT(BOOL, struct list_opts, json), .name = "json", .help = "The same as --format=json" },
    { OPT_AT(BOOL, struct list_opts, quiet), .letter = 'q', .name = "quiet", .help = "Print names only" },
    { OPT_AT(BOOL, struct list_opts, all_fields), .name = "all-fields",
      .help = "Print all columns however narrow the terminal is" },
    { OPT_AT(BOOL, struct list_opts, list_fields), .name = "list-fields",
      .help = "List the fields that templates can use" },
    { OPT_AT(ARRAY, struct list_opts, yq), .name = "yq", .value = "EXPR",
      .help = "Apply a yq expression to each instance" },
    { OPT_AT(ARRAY, struct list_opts, filter), .letter = 'l', .name = "filter", .value = "EXPR",
      .help = "List only instances for which a yq expression is true" },
};

/* Instances under inspection, and the ones to show. */
struct listing {
    struct store store;
    VEC(struct instance) insts;
    bool unmatched; /* a name on the command line was not found */
};

static void listing_done(struct listing *listing)
{
    for (size_t i = 0; i < listing->insts.n; i++)
        instance_done(&listing->insts.v[i]);
    vec_done(&listing->insts);
    store_done(&listing->store);
}

static bool check_opts(const struct list_opts *o, struct err **errp)
{
    bool is_data = strcmp(o->format.v, "json") == 0 || strcmp(o->format.v, "yaml") == 0;

    if (o->json.v && o->format.set)
        return err_set(errp, ERR_INVALID, "option --json conflicts with option --format");
    if (o->list_fields.v && o->format.set)
        return err_set(errp, ERR_INVALID, "option --list-fields conflicts with option --format");
    if (o->list_fields.v && o->yq.set)
        return err_set(errp, ERR_INVALID, "option --list-fields conflicts with option --yq");
    if (o->list_fields.v && o->filter.set)
        return err_set(errp, ERR_INVALID, "option --list-fields conflicts with option --filter");
    if (o->yq.set && o->format.set && !is_data)
        return err_set(errp, ERR_INVALID, "option --yq only works with --format json or yaml");
    if (o->quiet.v && (o->json.v || (o->format.set && strcmp(o->format.v, "table") != 0)))
        return err_set(errp, ERR_INVALID, "option --quiet can only be used with '--format table'");
    return true;
}

/* Names to show, in order. */
static bool select_names(struct listing *listing, const struct strv *args, struct strv *out,
                         struct err **errp)
{
    auto_strv struct strv all = { 0 };

    if (!inst_list(&listing->store, &all, errp))
        return false;
    if (args->n == 0) {
        strv_extend(out, &all);
        return true;
    }
    for (size_t i = 0; i < args->n; i++) {
        if (strv_has(&all, args->v[i])) {
            strv_push(out, args->v[i]);
        } else {
            log_warn("No instance matching %s found.", args->v[i]);
            listing->unmatched = true;
        }
    }
    return true;
}

static void warn_of_strangers(const struct listing *listing, const struct strv *names)
{
    for (size_t i = 0; i < names->n; i++) {
        if (!inst_exists(&listing->store, names->v[i])) {
            auto_mem char *home = quote_tick_dup(listing->store.home);
            auto_mem char *name = quote_tick_dup(names->v[i]);

            log_warn("The directory %s does not look like a valid Lima directory: %s has no `lima.yaml`",
                     home, name);
        }
    }
}

static void inspect(struct listing *listing, const struct strv *names)
{
    for (size_t i = 0; i < names->n; i++) {
        struct instance *inst = vec_push(&listing->insts);

        instance_inspect_any(inst, &listing->store, names->v[i]);
        if (inst->errors.n > 0) {
            auto_mem char *shown = quote_tick_dup(inst->name);
            auto_mem char *errors = target_errors(inst);

            log_fields(LOG_WARN, &(struct log_field){ "errors", errors }, 1, "instance %s has errors",
                       shown);
        }
    }
}

static void print_table(const struct listing *listing, const struct list_opts *o)
{
    auto_mem const struct instance **insts = mem_array(listing->insts.n, sizeof(*insts));
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; i < listing->insts.n; i++)
        insts[i] = &listing->insts.v[i];
    list_table_put(
        &(struct list_table){
            .insts = insts,
            .n = listing->insts.n,
            .host_arch = listing->store.env.host.arch,
            .home = listing->store.env.host.user_home,
            .width = tty_width(STDOUT_FILENO),
            .all_fields = o->all_fields.v,
        },
        &out);
    output_put(sb_view(&out));
}

static void print_json_value(const json_t *value)
{
    auto_sb struct sb out = { 0 };

    if (output_is_tty())
        json_paint(&out, value, true);
    else
        json_put(&out, value, JSON_STYLE_COMPACT);
    sb_putc(&out, '\n');
    output_put(sb_view(&out));
}

static void print_yaml_value(const json_t *value, bool is_first)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_from_json(value);
    auto_sb struct sb out = { 0 };

    if (!is_first)
        sb_puts(&out, "---\n");
    yaml_emit(&out, doc);
    output_put(sb_view(&out));
}

/* The results of --yq for one instance: scalars without quotes. */
static bool print_results(const json_t *value, const struct strv *expressions, bool is_yaml,
                          bool is_first, struct err **errp)
{
    auto_json json_t *results = NULL;
    json_t *result;
    size_t i;

    if (!list_data_eval(value, expressions, &results, errp))
        return false;
    json_drop_empty_objects(results);
    json_array_foreach(results, i, result) {
        if (json_is_string(result))
            output_printf("%s\n", json_string_value(result));
        else if (is_yaml)
            print_yaml_value(result, is_first && i == 0);
        else
            print_json_value(result);
    }
    return true;
}

static bool print_data(const struct listing *listing, const struct list_opts *o, struct err **errp)
{
    bool is_yaml = strcmp(o->format.v, "yaml") == 0;
    auto_strv struct strv expressions = { 0 };

    strv_extend(&expressions, &o->yq.v);
    if (o->quiet.v)
        strv_push(&expressions, ".name");
    for (size_t i = 0; i < listing->insts.n; i++) {
        auto_json json_t *value = list_data(&listing->insts.v[i], &listing->store);

        if (expressions.n > 0) {
            if (!print_results(value, &expressions, is_yaml, i == 0, errp))
                return false;
        } else if (is_yaml) {
            print_yaml_value(value, i == 0);
        } else {
            print_json_value(value);
        }
    }
    return true;
}

static bool print_template(const struct listing *listing, const char *text, struct err **errp)
{
    auto_gotmpl struct gotmpl *tmpl = gotmpl_parse("format", sv_of(text), GOTMPL_LIST_FUNCS, errp);

    if (!tmpl)
        return err_wrap(errp, "invalid go template");
    for (size_t i = 0; i < listing->insts.n; i++) {
        auto_sb struct sb out = { 0 };

        if (!list_data_expand(&listing->insts.v[i], &listing->store, tmpl, &out, errp))
            return false;
        sb_putc(&out, '\n');
        output_put(sb_view(&out));
    }
    return true;
}

/* Leaves the instances that all filters accept. */
static bool apply_filters(struct listing *listing, const struct strv *filters, struct err **errp)
{
    for (size_t i = 0; filters->n > 0 && i < listing->insts.n;) {
        bool passes;

        if (!list_data_passes(&listing->insts.v[i], &listing->store, filters, &passes, errp))
            return false;
        if (passes) {
            i++;
            continue;
        }
        instance_done(&listing->insts.v[i]);
        vec_remove(&listing->insts, i);
    }
    return true;
}

static bool print_listing(const struct listing *listing, const struct list_opts *o, struct err **errp)
{
    static const char *const data_formats[] = { "json", "yaml" };

    if (o->json.v || o->yq.set || enum_from_name(data_formats, COUNT(data_formats), o->format.v) >= 0)
        return print_data(listing, o, errp);
    if (o->quiet.v) {
        for (size_t i = 0; i < listing->insts.n; i++)
            output_printf("%s\n", listing->insts.v[i].name);
        return true;
    }
    if (strcmp(o->format.v, "table") != 0)
        return print_template(listing, o->format.v, errp);
    print_table(listing, o);
    return true;
}

static bool list(struct listing *listing, const struct list_opts *o, const struct strv *args,
                 struct err **errp)
{
    auto_strv struct strv names = { 0 };
    /* Names need no more of the store than its place. */
    bool names_only = o->quiet.v && !o->yq.set && !o->filter.set;

    if (names_only ? !store_home(&listing->store.home, errp) : !store_open(&listing->store, errp))
        return false;
    if (!select_names(listing, args, &names, errp))
        return false;
    warn_of_strangers(listing, &names);
    if (names.n == 0 && args->n == 0) {
        log_warn("No instance found. Run `limactl create` to create an instance.");
        return true;
    }
    if (names_only) {
        for (size_t i = 0; i < names.n; i++)
            output_printf("%s\n", names.v[i]);
    } else if (names.n > 0) {
        inspect(listing, &names);
        if (!apply_filters(listing, &o->filter.v, errp) || !print_listing(listing, o, errp))
            return false;
    }
    return !listing->unmatched || err_set(errp, ERR_NOT_FOUND, "unmatched instances");
}

static bool list_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct list_opts *o = opts;
    struct listing listing = { 0 };
    bool ok;

    if (!check_opts(o, errp))
        return false;
    if (o->list_fields.v) {
        output_puts("AdditionalDisks\nArch\nAutoStartedIdentifier\nCPUs\nConfig\nDir\nDisk\nDriverPID\n"
                    "Errors\nHostAgentPID\nHostname\nLimaVersion\nMemory\nMessage\nName\nNetworks\n"
                    "Param\nProtected\nSSHAddress\nSSHConfigFile\nSSHLocalPort\nStatus\nVMType\n");
        return true;
    }
    ok = list(&listing, o, args, errp);
    listing_done(&listing);
    return ok;
}

static const char *const list_aliases[] = { "ls", NULL };

const struct verb verb_list = {
    .name = "list",
    .aliases = list_aliases,
    .group = VERB_BASIC,
    .args = "[INSTANCE...]",
    .summary = "List instances",
    .details = "The output of --json is one object per instance and line. For scripts:\n"
               "  limactl list --format '{{.Name}} {{.Status}}'",
    .args_max = ARGS_ANY,
    .opts = { { NULL, list_rows, COUNT(list_rows), 0 } },
    .opts_size = sizeof(struct list_opts),
    .complete = target_complete,
    .run = list_run,
};
