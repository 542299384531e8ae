#include "prog/limactl/change.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "instance/create.h"
#include "model/store/names.h"
#include "prog/limactl/rewrite.h"
#include "sys/file.h"

/* Largest lima.yaml that is read. */
#define YAML_MAX ((size_t)4 << 20)

bool change_read(const struct target *target, char **out_yaml, struct err **errp)
{
    auto_mem char *path = path_join(target->inst.dir, NAME_LIMA_YAML);

    return file_read_text(path, YAML_MAX, out_yaml, errp);
}

/* A disk can grow, never shrink. */
static bool check_disk(const struct target *target, const struct config_input *in, struct err **errp)
{
    auto_config struct instance_config config = { 0 };

    if (!target->inst.has_config)
        return true;
    if (!config_load(&config, &target->store.env, in, NULL, errp))
        return false;
    if (config.disk.bytes >= target->inst.config.disk.bytes)
        return true;
    return err_set(errp, ERR_INVALID, "field `disk`: shrinking the disk (%s --> %s) is not supported",
                   target->inst.config.disk.text, config.disk.text);
}

bool change_to(const struct target *target, const char *yaml, struct err **errp)
{
    const struct instance *inst = &target->inst;
    auto_mem char *path = path_join(inst->dir, NAME_LIMA_YAML);
    struct config_input in = { .name = inst->name, .dir = inst->dir, .path = path,
                               .text = sv_of(yaml), .version = inst->lima_version };
    struct term_progress progress;

    term_progress_init(&progress);
    if (!create_check_config(&target->store, inst->name, path, sv_of(yaml), &progress.base, errp) ||
        !check_disk(target, &in, errp))
        return rewrite_reject(yaml, errp);
    return file_write_atomic(path, sv_of(yaml), 0644, errp);
}

bool change_by_flags(const char *name, const struct edit_opts *edit, const struct create_opts *create,
                     struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_mem char *path = NULL;
    auto_mem char *old = NULL;
    auto_mem char *new = NULL;
    auto_mem char *shown = quote_tick_dup(name);
    auto_fd int lock = -1;

    if (!target_open(&target, name, errp))
        return false;
    path = path_join(target.inst.dir, NAME_LIMA_YAML);
    if (!target_lock(target.inst.dir, name, &lock, errp) || !change_read(&target, &old, errp) ||
        !rewrite_by_flags(old, path, edit, create, name, &target.store, &new, errp))
        return false;
    if (strcmp(old, new) == 0)
        return true;
    if (!change_to(&target, new, errp))
        return false;
    log_info("Instance %s configuration edited", shown);
    return true;
}
