/* limactl hostagent ...: becomes libexec/lima/hostagent with the same arguments. */
#include "base/mem.h"
#include "prog/limactl/verb.h"
#include "sys/prefix.h"
#include "sys/proc.h"

static bool hostagent_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *program = NULL;

    if (!prefix_find("libexec/lima/hostagent", &program, errp))
        return err_wrap(errp, "looking for the host agent");
    strv_push(&cmd.argv, program);
    strv_extend(&cmd.argv, args);
    return cmd_exec(&cmd, errp);
}

const struct verb verb_hostagent = {
    .name = "hostagent",
    .group = VERB_HIDDEN,
    .args = "INSTANCE",
    .summary = "Run the host agent of an instance",
    .flags = VERB_RAW,
    .run = hostagent_run,
};
