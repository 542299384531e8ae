#include "prog/limactl/target.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "driver/driver_type.h"
#include "model/store/inst_dir.h"
#include "sys/lock.h"

const char *target_name(const struct strv *args)
{
    return args->n > 0 ? args->v[0] : TARGET_DEFAULT;
}

bool target_open(struct target *target, const char *name, struct err **errp)
{
    *target = (struct target){ 0 };
    return store_open(&target->store, errp) &&
           instance_inspect(&target->inst, &target->store, name, errp);
}

bool target_open_friendly(struct target *target, const char *name, struct err **errp)
{
    auto_err struct err *why = NULL;
    auto_mem char *shown = quote_tick_dup(name);

    *target = (struct target){ 0 };
    if (!store_open(&target->store, errp) || !inst_name_check(name, errp))
        return false;
    if (instance_inspect(&target->inst, &target->store, name, &why))
        return true;
    if (err_kind(why) != ERR_NOT_FOUND)
        return err_propagate(errp, MOVE(why));
    return err_set(errp, ERR_NOT_FOUND,
                   "instance %s does not exist, run `limactl create %s` to create a new instance", shown,
                   name);
}

bool target_check_config(const struct target *target, struct err **errp)
{
    auto_mem char *shown = quote_tick_dup(target->inst.name);
    auto_mem char *errors = target_errors(&target->inst);

    if (target->inst.errors.n > 0)
        log_fields(LOG_ERROR, &(struct log_field){ "errors", errors }, 1,
                   "instance %s has configuration errors", shown);
    return target->inst.has_config ||
           err_set(errp, ERR_INVALID, "instance %s has no configuration", shown);
}

bool target_reload(struct target *target, struct err **errp)
{
    auto_mem char *name = mem_strdup(target->inst.name);

    instance_done(&target->inst);
    return instance_inspect(&target->inst, &target->store, name, errp);
}

void target_done(struct target *target)
{
    instance_done(&target->inst);
    store_done(&target->store);
}

bool target_lock(const char *dir, const char *name, int *out_lock, struct err **errp)
{
    auto_err struct err *busy = NULL;
    auto_mem char *shown = quote_tick_dup(name);

    if (lock_dir(dir, LOCK_TRY, out_lock, &busy))
        return true;
    if (err_kind(busy) != ERR_BUSY)
        return err_propagate(errp, MOVE(busy));
    log_info("Another limactl is working on the instance %s, waiting for it to finish", shown);
    return lock_dir(dir, LOCK_WAIT, out_lock, errp);
}

char *target_errors(const struct instance *inst)
{
    auto_mem char *list = strv_join(&inst->errors, " ");

    return mem_printf("[%s]", list);
}

struct stop target_stop(const struct instance *inst, struct term_progress *progress)
{
    const struct driver_type *type = inst->has_config ? driver_type_find(inst->config.vm_type, NULL)
                                                      : NULL;

    return (struct stop){
        .name = inst->name,
        .dir = inst->dir,
        .driver = type ? type->name : "",
        .driver_pid_name = type ? type->pid_name : NULL,
        .progress = &progress->base,
    };
}

void target_complete(const struct strv *before, struct strv *out)
{
    auto_store struct store store = { 0 };
    auto_strv struct strv names = { 0 };

    /* A shell asks: there is nobody to tell about errors. */
    if (!store_open(&store, NULL) || !inst_list(&store, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++)
        if (!strv_has(before, names.v[i]))
            strv_push(out, names.v[i]);
}
