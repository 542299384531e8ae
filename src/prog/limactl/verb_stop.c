/* limactl stop (reference: cli section 5.3). */
#include "model/store/disk.h"
#include "prog/limactl/target.h"

struct stop_opts {
    struct arg_bool force;
};

static const struct opt stop_rows[] = {
    { OPT_AT(BOOL, struct stop_opts, force), .letter = 'f', .name = "force",
      .help = "Kill the guest instead of asking it to power off" },
};

static bool stop_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct stop_opts *o = opts;
    auto_target struct target target = { 0 };
    struct term_progress progress;
    struct stop stop;

    term_progress_init(&progress);
    if (!target_open(&target, target_name(args), errp))
        return false;
    stop = target_stop(&target.inst, &progress);
    if (o->force.v)
        return stop_forced(&stop, errp) &&
               disk_unlock_all(&target.store, target.inst.dir, errp);
    if (target.inst.status != INST_RUNNING)
        return err_set(errp, ERR_INVALID, "expected status `%s`, got `%s` (maybe use `limactl stop -f`?)",
                       inst_status_names[INST_RUNNING], inst_status_names[target.inst.status]);
    return stop_graceful(&stop, errp);
}

const struct verb verb_stop = {
    .name = "stop",
    .group = VERB_BASIC,
    .args = "[INSTANCE]",
    .summary = "Stop an instance",
    .args_max = 1,
    .opts = { { NULL, stop_rows, COUNT(stop_rows), 0 } },
    .opts_size = sizeof(struct stop_opts),
    .complete = target_complete,
    .run = stop_run,
};
