/* limactl create (reference: cli section 5.1). */
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "instance/prepare.h"
#include "model/store/inst_dir.h"
#include "prog/limactl/new_instance.h"
#include "prog/limactl/target.h"
#include "prog/limactl/template_source.h"

static bool prepare_new(const char *name, struct term_progress *progress, struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_fd int lock = -1;
    auto_mem char *list = NULL;

    if (!target_open(&target, name, errp))
        return false;
    list = target_errors(&target.inst);
    if (target.inst.errors.n > 0)
        return err_set(errp, ERR_INVALID, "errors inspecting instance: %s", list);
    return target_lock(target.inst.dir, name, &lock, errp) &&
           prepare_instance(&target.store, &target.inst, &progress->base, errp);
}

static bool create_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct new_instance_opts *o = opts;
    auto_store struct store store = { 0 };
    auto_new_instance struct new_instance what = { 0 };
    struct term_progress progress;
    bool done;

    term_progress_init(&progress);
    if (!store_open(&store, errp) || !new_instance_lists(&store, &o->create, &done, errp))
        return false;
    if (done)
        return true;
    if (!new_instance_resolve(ctx, &store, args->n > 0 ? args->v[0] : NULL, &o->create, &what, errp))
        return false;
    auto_mem char *shown = quote_tick_dup(what.name);

    if (inst_exists(&store, what.name))
        return err_set(errp, ERR_EXISTS, "instance %s already exists", shown);
    if (!new_instance_create(ctx, &store, &what, o, &progress, errp) ||
        !prepare_new(what.name, &progress, errp))
        return false;
    log_info("Run `limactl start %s` to start the instance.", what.name);
    return true;
}

const struct verb verb_create = {
    .name = "create",
    .group = VERB_BASIC,
    .args = "[NAME|FILE|URL|template:NAME]",
    .summary = "Create an instance",
    .example = "  limactl create                       instance \"default\" from template:default\n"
               "  limactl create template:debian-12    instance \"debian-12\"\n"
               "  limactl create --name=x --cpus=2 FILE.yaml\n"
               "  cat FILE.yaml | limactl create --name=x -",
    .args_max = 1,
    .opts = { { NULL, create_opt_rows, N_CREATE_OPTS, offsetof(struct new_instance_opts, create) },
              { "Configuration Flags", edit_opt_rows, N_EDIT_OPTS,
                offsetof(struct new_instance_opts, edit) } },
    .opts_size = sizeof(struct new_instance_opts),
    .complete = template_source_complete,
    .run = create_run,
};
