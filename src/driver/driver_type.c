#include "driver/driver_type.h"

#include <assert.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/vec.h"
#include "model/config/instance.h"

const char *const driver_link_names[DRIVER_LINK_COUNT] = { "none", "devices", "serial", "ssh" };

static void driver_type_assert_whole(const struct driver_type *type)
{
    assert(type->name && type->pid_name && type->facts);
    assert(type->facts->mount_types && type->facts->image_formats);
    assert(type->check_config && type->create_disk);
}

void driver_type_names(struct strv *out)
{
    for (size_t i = 0; i < n_driver_types; i++)
        if (!driver_types[i]->is_for_tests)
            strv_push(out, driver_types[i]->name);
}

const struct driver_type *driver_type_find(const char *name, struct err **errp)
{
    auto_strv struct strv offered = { 0 };

    for (size_t i = 0; i < n_driver_types; i++) {
        driver_type_assert_whole(driver_types[i]);
        if (str_eq(driver_types[i]->name, name))
            return driver_types[i];
    }
    driver_type_names(&offered);

    auto_mem char *list = strv_join(&offered, ", ");

    err_set(errp, ERR_NOT_FOUND, "unknown or unsupported VM type: %s", name);
    err_wrap(errp, "failed to create driver instance");
    err_hint(errp, "it is not for this host; `vmType` can be: %s", list);
    return NULL;
}

bool driver_type_probe(const struct driver_type *type, const char *arch, struct err **errp)
{
    return !type->probe || type->probe(arch, errp) || err_wrap(errp, "driver %s", type->name);
}

bool driver_type_check_config(const struct driver_type *type, const struct driver_instance *inst,
                              struct err **errp)
{
    if (inst->config->block_devices.n && !(type->caps & DRIVER_CAP_BLOCK_DEVICES))
        return err_set(errp, ERR_UNSUPPORTED,
                       "field `blockDevices`: driver %s cannot attach block devices of the host",
                       type->name);
    return type->check_config(inst, errp);
}

bool driver_type_create_disk(const struct driver_type *type, const struct driver_instance *inst,
                             struct err **errp)
{
    return type->create_disk(inst, errp) ||
           err_wrap(errp, "creating the disk of instance \"%s\"", inst->name);
}

bool driver_type_remove(const struct driver_type *type, const struct driver_instance *inst,
                        struct err **errp)
{
    return !type->remove || type->remove(inst, errp);
}

void driver_type_examine(const struct driver_type *type, const char *arch, const char *cache_dir,
                         struct driver_findings *out)
{
    if (type->examine)
        type->examine(arch, cache_dir, out);
}

bool driver_type_has_mount_type(const struct driver_type *type, const char *mount_type)
{
    for (const char *const *known = type->facts->mount_types; *known; known++)
        if (str_eq(*known, mount_type))
            return true;
    return false;
}

void driver_findings_add(struct driver_findings *f, enum driver_finding_level level,
                         const char *key, const char *value, const char *text, const char *remedy)
{
    *vec_push(f) = (struct driver_finding){
        .level = level,
        .key = mem_strdup(key),
        .value = mem_strdup(value),
        .text = mem_strdup(text),
        .remedy = mem_strdup(remedy),
    };
}

void driver_findings_done(struct driver_findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].key);
        free(f->v[i].value);
        free(f->v[i].text);
        free(f->v[i].remedy);
    }
    vec_done(f);
}

void driver_note(const struct driver_instance *inst, enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (!inst->on_note)
        return;
    va_start(args, fmt);
    auto_mem char *text = mem_vprintf(fmt, args);
    va_end(args);

    inst->on_note(inst->note_arg, level, text);
}
