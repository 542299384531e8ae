/* limactl delete (reference: cli section 5.5). */
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "driver/driver_type.h"
#include "instance/keep.h"
#include "instance/prepare.h"
#include "model/store/disk.h"
#include "model/store/inst_dir.h"
#include "prog/limactl/target.h"
#include "sys/dir.h"
#include "sys/lock.h"

struct delete_opts {
    struct arg_bool force;
};

static const struct opt delete_rows[] = {
    { OPT_AT(BOOL, struct delete_opts, force), .letter = 'f', .name = "force",
      .help = "Delete a running instance, too" },
};

static bool check_removable(const struct instance *inst, bool force, struct err **errp)
{
    if (inst->is_protected)
        return err_set(errp, ERR_BUSY,
                       "instance is protected to prohibit accidental removal (Hint: use `limactl "
                       "unprotect`)");
    if (!force && inst->status != INST_STOPPED)
        return err_set(errp, ERR_BUSY, "expected status `%s`, got `%s`",
                       inst_status_names[INST_STOPPED], inst_status_names[inst->status]);
    return true;
}

static bool remove_driver_state(const struct store *store, const struct instance *inst,
                                struct term_progress *progress, struct err **errp)
{
    auto_mem char *cache_dir = store_cache_dir(store);
    struct driver_instance driven = prepare_driver_instance(inst, cache_dir, &progress->base);
    const struct driver_type *type = driver_type_find(inst->config.vm_type, errp);

    return type && driver_type_remove(type, &driven, errp);
}

static bool delete_instance(const struct store *store, const struct instance *inst, bool force,
                            struct err **errp)
{
    struct term_progress progress;
    struct stop stop;
    auto_fd int lock = -1;

    term_progress_init(&progress);
    stop = target_stop(inst, &progress);
    if (!check_removable(inst, force, errp) || !stop_forced(&stop, errp) ||
        !disk_unlock_all(store, inst->dir, errp))
        return false;
    /* A start that is preparing the instance would put it back. */
    if (!lock_dir(inst->dir, LOCK_TRY, &lock, errp))
        return err_wrap(errp, "another limactl is working on it");
    if (inst->has_config && inst->errors.n == 0 && !remove_driver_state(store, inst, &progress, errp))
        return false;
    return keep_remove(inst->dir, errp);
}

/* Remembers the error of an instance without lima.yaml, which does not keep others from being deleted. */
static void note_unreadable(const char *name, const char *dir, struct err *why, struct strv *failed)
{
    auto_mem char *shown_name = quote_tick_dup(name);
    auto_mem char *shown_dir = quote_tick_dup(dir);

    strv_pushf(failed,
               "instance %s directory %s exists but its `lima.yaml` could not be read; remove the "
               "directory by hand if it is not needed: %s", shown_name, shown_dir, err_text(why));
}

static bool delete_one(const struct store *store, const char *name, bool force, struct strv *failed,
                       struct err **errp)
{
    auto_mem char *dir = inst_dir(store, name);
    auto_mem char *shown = quote_tick_dup(name);
    auto_mem char *shown_dir = quote_tick_dup(dir);
    auto_instance struct instance inst = { 0 };
    auto_err struct err *why = NULL;

    if (!dir_exists(dir)) {
        log_warn("Ignoring non-existent instance %s", shown);
        return true;
    }
    if (!instance_inspect(&inst, store, name, &why)) {
        note_unreadable(name, dir, why, failed);
        return true;
    }
    if (!delete_instance(store, &inst, force, errp))
        return err_wrap(errp, "failed to delete instance %s", shown);
    log_info("Deleted %s (%s)", shown, shown_dir);
    return true;
}

static bool delete_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct delete_opts *o = opts;
    auto_store struct store store = { 0 };
    auto_strv struct strv failed = { 0 };

    if (!store_open(&store, errp))
        return false;
    keep_sweep(store.home);
    for (size_t i = 0; i < args->n; i++)
        if (!inst_name_check(args->v[i], errp) ||
            !delete_one(&store, args->v[i], o->force.v, &failed, errp))
            return false;
    if (failed.n == 0)
        return true;
    auto_mem char *list = strv_join(&failed, "\n");

    return err_set(errp, ERR_INVALID, "%s", list);
}

static const char *const delete_aliases[] = { "remove", "rm", NULL };

const struct verb verb_delete = {
    .name = "delete",
    .aliases = delete_aliases,
    .group = VERB_BASIC,
    .args = "INSTANCE [INSTANCE...]",
    .summary = "Delete instances",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .opts = { { NULL, delete_rows, COUNT(delete_rows), 0 } },
    .opts_size = sizeof(struct delete_opts),
    .complete = target_complete,
    .run = delete_run,
};
