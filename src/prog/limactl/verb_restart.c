/* limactl restart (reference: cli section 5.4). */
#include "base/log.h"
#include "prog/limactl/boot.h"
#include "prog/limactl/change.h"

struct restart_opts {
    struct edit_opts edit;
    struct arg_bool force, progress;
};

static const struct opt restart_rows[] = {
    { OPT_AT(BOOL, struct restart_opts, force), .letter = 'f', .name = "force",
      .help = "Kill the guest instead of asking it to power off" },
    { OPT_AT(BOOL, struct restart_opts, progress), .name = "progress",
      .help = "Show the progress of the boot" },
};

static bool stop_first(const char *name, bool force, struct err **errp)
{
    auto_target struct target target = { 0 };
    struct term_progress progress;
    struct stop stop;

    term_progress_init(&progress);
    if (!target_open(&target, name, errp))
        return false;
    stop = target_stop(&target.inst, &progress);
    if (force)
        return stop_forced(&stop, errp);
    if (target.inst.status == INST_RUNNING)
        return stop_graceful(&stop, errp);
    log_warn("expected status `%s`, got `%s`", inst_status_names[INST_RUNNING],
             inst_status_names[target.inst.status]);
    return true;
}

static bool restart_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct restart_opts *o = opts;
    const char *name = target_name(args);

    return change_by_flags(name, &o->edit, NULL, errp) &&
           stop_first(name, o->force.v, errp) &&
           boot_by_name(name, &(struct boot){ .cloud_init = o->progress.v }, errp);
}

const struct verb verb_restart = {
    .name = "restart",
    .group = VERB_BASIC,
    .args = "[INSTANCE]",
    .summary = "Restart an instance",
    .args_max = 1,
    .opts = { { NULL, restart_rows, COUNT(restart_rows), 0 },
              { "Configuration Flags", edit_opt_rows, N_EDIT_OPTS, offsetof(struct restart_opts, edit) } },
    .opts_size = sizeof(struct restart_opts),
    .complete = target_complete,
    .run = restart_run,
};
