/* limactl copy: files between host and guests, through scp (reference: cli section 8). */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/limactl/output.h"
#include "prog/limactl/ssh_access.h"
#include "prog/limactl/target.h"
#include "sys/proc.h"

struct copy_opts {
    struct arg_bool recursive, verbose;
    struct arg_str backend;
};

static const char *const backends[] = { "auto", "scp", NULL };

static const struct opt copy_rows[] = {
    { OPT_AT(BOOL, struct copy_opts, recursive), .letter = 'r', .name = "recursive",
      .help = "Copy directories" },
    { OPT_AT(BOOL, struct copy_opts, verbose), .letter = 'v', .name = "verbose",
      .help = "Show what is done" },
    { OPT_AT(STR, struct copy_opts, backend), .name = "backend", .preset = "auto", .words = backends,
      .help = "Tool to copy with: auto or scp" },
};

static bool check_backend(const char *backend, struct err **errp)
{
    auto_mem char *shown = quote_tick_dup(backend);

    if (strcmp(backend, "rsync") == 0)
        return err_set(errp, ERR_UNSUPPORTED, "`--backend=rsync` is not supported by this version") ||
               err_hint(errp, "use `--backend=scp`");
    if (strcmp(backend, "auto") != 0 && strcmp(backend, "scp") != 0)
        return err_set(errp, ERR_INVALID, "invalid backend %s, must be one of: scp, rsync, auto", shown);
    return true;
}

/* What the paths need: options common to all instances, those of the only one when there is one. */
struct copy_plan {
    struct strv paths;
    struct strv names;   /* of the instances */
    struct strv options; /* of the last one seen */
};

static void copy_plan_done(struct copy_plan *plan)
{
    strv_done(&plan->paths);
    strv_done(&plan->names);
    strv_done(&plan->options);
}
#define auto_copy_plan AUTO_CALL(copy_plan_done)

static bool add_guest_path(struct copy_plan *plan, const char *name, const char *path, struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_ssh_access struct ssh_access access = { 0 };
    auto_mem char *shown = quote_tick_dup(name);

    if (!target_open_friendly(&target, name, errp) || !target_check_config(&target, errp))
        return false;
    if (target.inst.status == INST_STOPPED)
        return err_set(errp, ERR_INVALID, "instance %s is stopped, run `limactl start %s` to start the "
                       "instance", shown, name);
    if (!ssh_access_open(&access, &target.store, &target.inst, errp))
        return false;
    strv_pushf(&plan->paths, "scp://%s@%s:%u/%s", target.inst.config.user.name, access.address,
               access.port, path);
    if (!strv_has(&plan->names, name))
        strv_push(&plan->names, name);
    strv_clear(&plan->options);
    strv_extend(&plan->options, &access.options);
    return true;
}

static bool add_path(struct copy_plan *plan, const char *arg, struct err **errp)
{
    const char *colon = strchr(arg, ':');
    auto_mem char *name = mem_strndup(arg, colon ? (size_t)(colon - arg) : 0);

    if (colon)
        return add_guest_path(plan, name, colon + 1, errp);
    strv_push(&plan->paths, arg);
    return true;
}

/* Options of one instance's user and connection do not fit several. */
static bool is_common(const char *option)
{
    static const char *const own[] = { "User=", "Control", "Forward" };

    for (size_t i = 0; i < COUNT(own); i++)
        if (str_starts(option, own[i]))
            return false;
    return true;
}

static bool become_scp(const struct copy_plan *plan, const struct copy_opts *o, bool verbose,
                       struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *scp = NULL;

    if (!proc_find_program("scp", &scp, errp))
        return err_wrap(errp, "neither rsync nor scp found on host");
    strv_push_list(&cmd.argv, scp, "-F", "/dev/null", NULL);
    for (size_t i = 0; i < plan->options.n; i++)
        if (plan->names.n == 1 || is_common(plan->options.v[i]))
            strv_push_list(&cmd.argv, "-o", plan->options.v[i], NULL);
    strv_push(&cmd.argv, verbose ? "-v" : "-q");
    if (o->recursive.v)
        strv_push(&cmd.argv, "-r");
    strv_push_list(&cmd.argv, "-3", "--", NULL);
    strv_extend(&cmd.argv, &plan->paths);
    return output_flush(errp) && cmd_exec(&cmd, errp);
}

static bool copy_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct copy_opts *o = opts;
    auto_copy_plan struct copy_plan plan = { 0 };

    if (!check_backend(o->backend.v, errp))
        return false;
    for (size_t i = 0; i < args->n; i++)
        if (!add_path(&plan, args->v[i], errp))
            return false;
    return become_scp(&plan, o, o->verbose.v || log_enabled(LOG_DEBUG), errp);
}

static const char *const copy_aliases[] = { "cp", NULL };

const struct verb verb_copy = {
    .name = "copy",
    .aliases = copy_aliases,
    .group = VERB_ADVANCED,
    .args = "SOURCE... TARGET",
    .summary = "Copy files between the host and instances",
    .details = "A path in a guest is INSTANCE:PATH; without a leading slash it is relative to the guest's\n"
               "home directory. A path of the host must not contain a colon.",
    .example = "  limactl copy default:/etc/os-release .\n"
               "  limactl copy -r src default:",
    .args_min = 2,
    .args_max = ARGS_ANY,
    .opts = { { NULL, copy_rows, COUNT(copy_rows), 0 } },
    .opts_size = sizeof(struct copy_opts),
    .run = copy_run,
};
