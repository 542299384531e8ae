/* limactl protect (reference: cli section 5.9). */
#include "prog/limactl/protect.h"
#include "prog/limactl/target.h"

static bool protect_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    return protect_all(args, true, errp);
}

const struct verb verb_protect = {
    .name = "protect",
    .group = VERB_ADVANCED,
    .args = "INSTANCE [INSTANCE...]",
    .summary = "Protect instances from deletion",
    .details = "A protected instance cannot be deleted with `limactl delete`, and not reset with\n"
               "`limactl factory-reset`.",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .complete = target_complete,
    .run = protect_run,
};
