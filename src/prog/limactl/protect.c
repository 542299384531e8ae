#include "prog/limactl/protect.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "instance/keep.h"
#include "model/store/inst_status.h"

static bool set_protected(const struct store *store, const char *name, bool protect,
                          struct err **errp)
{
    auto_mem char *shown = quote_tick_dup(name);
    auto_instance struct instance inst = { 0 };

    if (!instance_inspect(&inst, store, name, errp))
        return err_wrap(errp, "failed to inspect instance %s", shown);
    if (inst.is_protected == protect) {
        if (protect)
            log_warn("Instance %s is already protected. Skipping.", shown);
        else
            log_warn("Instance %s isn't protected. Skipping.", shown);
        return true;
    }
    if (protect ? !keep_protect(inst.dir, errp) : !keep_unprotect(inst.dir, errp))
        return err_wrap(errp, "failed to %s instance %s", protect ? "protect" : "unprotect", shown);
    log_info("%s %s", protect ? "Protected" : "Unprotected", shown);
    return true;
}

bool protect_all(const struct strv *names, bool protect, struct err **errp)
{
    auto_store struct store store = { 0 };
    auto_strv struct strv failed = { 0 };

    if (!store_open(&store, errp))
        return false;
    for (size_t i = 0; i < names->n; i++) {
        auto_err struct err *why = NULL;

        if (!set_protected(&store, names->v[i], protect, &why))
            strv_push(&failed, err_text(why));
    }
    if (failed.n == 0)
        return true;
    auto_mem char *list = strv_join(&failed, "\n");

    return err_set(errp, ERR_INVALID, "%s", list);
}
