#include "instance/create.h"

#include "base/mem.h"
#include "instance/keep.h"
#include "instance/prepare.h"
#include "model/config/config.h"
#include "model/store/inst_dir.h"
#include "model/store/inst_status.h"
#include "sys/file.h"

bool create_check_name(const struct store *store, const char *name, struct err **errp)
{
    auto_mem char *dir = inst_dir(store, name);

    if (!inst_name_check(name, errp) || !inst_dir_check_length(store, name, errp))
        return false;
    if (file_exists(dir))
        return err_set(errp, ERR_EXISTS, "instance `%s` already exists (`%s`)", name, dir);
    return true;
}

static void note_warnings(const struct config_warnings *warnings, struct progress *progress)
{
    for (size_t i = 0; i < warnings->n; i++) {
        const struct config_warning *warning = &warnings->v[i];
        struct log_field fields[2];
        size_t n = config_warning_fields(warning, fields);

        progress_note_fields(progress, LOG_WARN, fields, n, "%s", warning->text);
    }
}

static bool check_config(const struct store *store, const struct config_input *in,
                         struct config_warnings *warnings, struct err **errp)
{
    auto_config struct instance_config config = { 0 };
    auto_strv struct strv unserved = { 0 };

    if (!config_load(&config, &store->env, in, warnings, errp) ||
        !config_check(&config, &store->env, errp))
        return false;
    config_check_warn(&config, &store->env, warnings);
    config_unserved(&config, &unserved);
    if (unserved.n == 0)
        return true;
    auto_mem char *list = strv_join(&unserved, "\n");

    return err_set(errp, ERR_UNSUPPORTED, "%s", list);
}

bool create_check_config(const struct store *store, const char *name, const char *path,
                         struct sv yaml, struct progress *progress, struct err **errp)
{
    auto_mem char *dir = inst_dir(store, name);
    auto_mem char *creator = inst_dir_creator(dir);
    auto_config_warnings struct config_warnings warnings = { 0 };
    struct config_input in = {
        .name = name, .dir = dir, .path = path, .text = yaml, .version = creator
    };
    bool ok = check_config(store, &in, &warnings, errp);

    note_warnings(&warnings, progress);
    return ok;
}

/* What only an instance that exists can tell: can its driver run it here? */
static bool check_created(const struct store *store, const char *name, struct err **errp)
{
    auto_instance struct instance inst = { 0 };

    if (!instance_inspect(&inst, store, name, errp))
        return false;
    if (inst.errors.n == 0)
        return prepare_check(store, &inst, errp);
    auto_mem char *list = strv_join(&inst.errors, " ");

    return err_set(errp, ERR_INVALID, "errors inspecting instance: [%s]", list);
}

bool create_instance(const struct store *store, const char *name, const char *path, struct sv yaml,
                     struct progress *progress, struct err **errp)
{
    if (!create_check_name(store, name, errp) ||
        !create_check_config(store, name, path, yaml, progress, errp) ||
        !store_make_home(store, errp))
        return false;
    keep_sweep(store->home);
    if (!inst_dir_create(store, name, yaml, errp))
        return false;
    if (check_created(store, name, errp))
        return true;

    auto_mem char *dir = inst_dir(store, name);
    auto_err struct err *why = NULL;

    if (!keep_remove(dir, &why))
        progress_note(progress, LOG_WARN, "%s", err_text(why));
    return false;
}
