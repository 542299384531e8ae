/* limactl unprotect (reference: cli section 5.9). */
#include "prog/limactl/protect.h"
#include "prog/limactl/target.h"

static bool unprotect_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    return protect_all(args, false, errp);
}

const struct verb verb_unprotect = {
    .name = "unprotect",
    .group = VERB_ADVANCED,
    .args = "INSTANCE [INSTANCE...]",
    .summary = "Let protected instances be deleted again",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .complete = target_complete,
    .run = unprotect_run,
};
