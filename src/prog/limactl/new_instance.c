#include "prog/limactl/new_instance.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "driver/driver_type.h"
#include "instance/create.h"
#include "model/config/identifier.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/output.h"
#include "prog/limactl/prompt.h"
#include "prog/limactl/rewrite.h"
#include "prog/limactl/target.h"
#include "prog/limactl/template_source.h"
#include "svc/ssh/keys.h"
#include "sys/file.h"

#define DEFAULT_TEMPLATE "template:default"
#define STANDARD_INPUT "-"

void new_instance_done(struct new_instance *what)
{
    free(what->name);
    template_done(&what->tmpl);
    *what = (struct new_instance){ 0 };
}

bool new_instance_lists(const struct store *store, const struct create_opts *opts, bool *out_done,
                        struct err **errp)
{
    auto_strv struct strv names = { 0 };

    *out_done = opts->list_templates.v || opts->list_drivers.v;
    if (opts->list_templates.v && !template_source_names(store, &names, errp))
        return false;
    if (!opts->list_templates.v && opts->list_drivers.v)
        driver_type_names(&names);
    for (size_t i = 0; i < names.n; i++)
        output_printf("%s\n", names.v[i]);
    return true;
}

/*
 * What the argument means.
 */

static bool resolve_stdin(struct ctx *ctx, const struct create_opts *opts, struct err **errp)
{
    if (!opts->name.v[0])
        return err_set(errp, ERR_INVALID,
                       "must pass instance name with --name when reading template from stdin");
    if (ctx->global.tty.set && ctx->global.tty.v)
        return err_set(errp, ERR_INVALID, "cannot use --tty=true when reading template from stdin");
    ctx->tty = false;
    return true;
}

static bool resolve_name(const struct create_opts *opts, const char *arg, struct new_instance *out,
                         struct err **errp)
{
    auto_mem char *name = quote_tick_dup(arg ? arg : "");
    auto_mem char *flag = quote_tick_dup(opts->name.v);

    if (arg && opts->name.v[0] && strcmp(arg, opts->name.v) != 0)
        return err_set(errp, ERR_INVALID,
                       "instance name %s and CLI flag --name=%s cannot be specified together", name,
                       flag) ||
               (file_is_regular(arg) && err_hint(errp, "./%s is the file of that name", arg));
    out->by_name = true;
    out->name = mem_strdup(arg ? arg : opts->name.v[0] ? opts->name.v : TARGET_DEFAULT);
    return true;
}

/* Can the name of the file be the instance's, too? */
static bool check_file_name(const char *locator, const char *name, struct err **errp)
{
    auto_mem char *quoted = quote_tick_dup(locator);

    if (identifier_check(name, errp))
        return inst_name_check(name, errp);
    return err_wrap(errp, "filename %s is invalid", quoted) ||
           err_hint(errp, "give the instance a name with --name");
}

bool new_instance_resolve(struct ctx *ctx, const struct store *store, const char *arg,
                          const struct create_opts *opts, struct new_instance *out, struct err **errp)
{
    *out = (struct new_instance){ 0 };
    if (opts->name.v[0] && !inst_name_check(opts->name.v, errp))
        return false;
    if (arg && strcmp(arg, STANDARD_INPUT) == 0) {
        if (!resolve_stdin(ctx, opts, errp))
            return false;
    } else if (!arg || !arg[0] || inst_name_is_valid(arg)) {
        return resolve_name(opts, arg && arg[0] ? arg : NULL, out, errp);
    }
    if (!template_source_read(store, arg, &out->tmpl, errp))
        return false;
    out->name = mem_strdup(opts->name.v[0] ? opts->name.v : out->tmpl.name);
    return opts->name.v[0] || check_file_name(arg, out->name, errp);
}

/*
 * Creation.
 */

/* The person's choices in front of a new instance. */
static const char *const choices[] = {
    "Proceed with the current configuration",
    "Open an editor to review or modify the current configuration",
    "Choose another template (docker, podman, archlinux, fedora, ...)",
    "Exit",
};
enum choice { CHOICE_PROCEED, CHOICE_EDIT, CHOICE_TEMPLATE, CHOICE_EXIT };

static bool choose_template(const struct store *store, struct template *tmpl, struct err **errp)
{
    auto_strv struct strv names = { 0 };
    auto_mem char *locator = NULL;
    size_t chosen;

    if (!template_source_names(store, &names, errp) ||
        !prompt_select("Choose a template", (const char *const *)strv_array(&names), names.n, &chosen,
                       errp))
        return false;
    locator = mem_printf("template:%s", names.v[chosen]);
    template_done(tmpl);
    return template_source_read(store, locator, tmpl, errp);
}

static bool edit(const struct store *store, const char *name, char **text, struct err **errp)
{
    auto_mem char *title = mem_printf("Review and modify the following configuration for Linux instance "
                                      "\"%s\".", name);
    char *edited = NULL;

    if (!rewrite_in_editor(*text, store, title, &edited, errp))
        return false;
    mem_replace(text, edited);
    if (sv_trim(sv_of(edited)).n == 0)
        return err_set(errp, ERR_CANCELED, "Aborting, as requested by saving the file with empty content");
    return true;
}

static bool apply_flags(const struct store *store, struct new_instance *what,
                        const struct new_instance_opts *opts, struct err **errp)
{
    char *changed = NULL;

    if (!rewrite_by_flags(what->tmpl.text, what->tmpl.locator, &opts->edit, &opts->create, NULL, store,
                          &changed, errp))
        return false;
    mem_replace(&what->tmpl.text, changed);
    return true;
}

/* The menu. Without a usable terminal it lets the instance be made as it is. */
static bool review(const struct store *store, struct new_instance *what,
                   const struct new_instance_opts *opts, struct err **errp)
{
    auto_mem char *shown = quote_tick_dup(what->name);
    auto_mem char *question = mem_printf("Creating an instance %s", shown);

    for (;;) {
        auto_err struct err *why = NULL;
        size_t choice;

        if (!prompt_select(question, choices, COUNT(choices), &choice, &why)) {
            if (err_kind(why) != ERR_UNSUPPORTED)
                return err_propagate(errp, MOVE(why));
            log_warn("Failed to open TUI");
            return true;
        }
        switch ((enum choice)choice) {
        case CHOICE_PROCEED:
            return true;
        case CHOICE_EDIT:
            return edit(store, what->name, &what->tmpl.text, errp);
        case CHOICE_TEMPLATE:
            if (!choose_template(store, &what->tmpl, errp) || !apply_flags(store, what, opts, errp))
                return false;
            break;
        case CHOICE_EXIT:
            return err_set(errp, ERR_CANCELED, "Choosing to exit");
        }
    }
}

static void tell_source(const struct new_instance *what)
{
    auto_mem char *shown = quote_tick_dup(what->name);

    if (!what->by_name || strcmp(what->name, TARGET_DEFAULT) == 0)
        return;
    log_info("Creating an instance %s from template:default (Not from template:%s)", shown, what->name);
    log_warn("This form is deprecated. Use `limactl create --name=%s template:default` instead",
             what->name);
}

bool new_instance_create(struct ctx *ctx, const struct store *store, struct new_instance *what,
                         const struct new_instance_opts *opts, struct term_progress *progress,
                         struct err **errp)
{
    auto_mem char *config_dir = store_path(store, NAME_CONFIG_DIR);
    struct err *why = NULL;

    if (!create_check_name(store, what->name, errp))
        return false;
    tell_source(what);
    if (geteuid() == 0)
        log_warn("Running as root. An ordinary user is enough, and safer");
    if (what->by_name && !template_source_read(store, DEFAULT_TEMPLATE, &what->tmpl, errp))
        return false;
    if (!apply_flags(store, what, opts, errp))
        return false;
    if (!ctx->tty)
        log_info("Terminal is not available, proceeding without opening an editor");
    else if (!review(store, what, opts, errp))
        return false;
    if (create_instance(store, what->name, what->tmpl.locator, sv_of(what->tmpl.text), &progress->base,
                        &why))
        return ssh_keys_ensure(config_dir, errp);
    if (ctx->tty && err_kind(why) == ERR_INVALID)
        rewrite_reject(what->tmpl.text, &why);
    return err_propagate(errp, why);
}
