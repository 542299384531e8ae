/* limactl factory-reset (reference: cli section 5.8). */
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "instance/keep.h"
#include "model/store/disk.h"
#include "model/store/inst_dir.h"
#include "prog/limactl/target.h"

static bool reset(const char *name, struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_mem char *shown = quote_tick_dup(name);
    auto_fd int lock = -1;
    struct term_progress progress;
    struct stop stop;

    term_progress_init(&progress);
    if (!target_open(&target, name, errp))
        return false;
    if (target.inst.is_protected)
        return err_set(errp, ERR_BUSY,
                       "instance is protected to prohibit accidental factory-reset (Hint: use `limactl "
                       "unprotect`)");
    stop = target_stop(&target.inst, &progress);
    if (!stop_forced(&stop, errp) || !disk_unlock_all(&target.store, target.inst.dir, errp) ||
        !target_lock(target.inst.dir, name, &lock, errp) ||
        !keep_reset(target.inst.dir, &progress.base, errp))
        return false;
    log_info("Instance %s has been factory reset", shown);
    return true;
}

static bool factory_reset_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const char *name = target_name(args);
    auto_mem char *shown = quote_tick_dup(name);
    auto_store struct store store = { 0 };

    if (!store_open(&store, errp) || !inst_name_check(name, errp))
        return false;
    if (!inst_exists(&store, name)) {
        log_info("Instance %s not found", shown);
        return true;
    }
    return reset(name, errp);
}

const struct verb verb_factory_reset = {
    .name = "factory-reset",
    .group = VERB_ADVANCED,
    .args = "[INSTANCE]",
    .summary = "Reset an instance to the state it had before its first start",
    .args_max = 1,
    .complete = target_complete,
    .run = factory_reset_run,
};
