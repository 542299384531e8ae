/*
 * What was asked for, kept for a host agent that takes the machine over:
 *
 *     {"machine":"MARK","removed":["MOUNT POINT"],
 *      "mounts":[{"name":..,"type":..,"hostPath":..,"mountPoint":..,"writable":..}]}
 *
 * What was removed are mounts of the configuration, which the next machine has again. The mark
 * changes with each machine, so that a file that outlived its own is not believed. The file is
 * there only while it names something.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "lang/json/json.h"
#include "model/store/names.h"
#include "prog/hostagent/mounts_priv.h"
#include "sys/file.h"

enum { SIZE_MAX_KEPT = 4 * 1024 * 1024 };

static char *mark_of(const char *machine_path)
{
    struct stat st;

    if (!machine_path || stat(machine_path, &st) < 0)
        return NULL;
    return mem_printf("%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool is_kept(const struct mount *mount)
{
    return !mount->is_configured && (mount->state >= MOUNT_MOUNTED || !mount->on_done);
}

static json_t *all_json(const struct mounts *m)
{
    json_t *list = json_array();

    list_for_each (mount, &m->list, struct mount, link)
        if (is_kept(mount))
            (void)json_array_append_new(
                list, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", mount->name, "type",
                                mount->type->name, "hostPath", mount->location, "mountPoint",
                                mount->mount_point, "writable", (int)mount->writable));
    return list;
}

static json_t *removed_json(const struct mounts *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->removed.n; i++)
        (void)json_array_append_new(list, json_string(m->removed.v[i]));
    return list;
}

void mounts_save(const struct mounts *m)
{
    auto_mem char *path = m->params.dir ? path_join(m->params.dir, NAME_HOT_MOUNTS) : NULL;
    auto_mem char *mark = mark_of(m->params.machine_path);
    auto_json json_t *root = json_object();
    json_t *list = all_json(m);
    auto_err struct err *err = NULL;
    bool ok;

    (void)json_object_set_new(root, "machine", mark ? json_string(mark) : json_null());
    (void)json_object_set_new(root, "removed", removed_json(m));
    (void)json_object_set_new(root, "mounts", list);
    if (!path)
        return;
    if (mark && (json_array_size(list) > 0 || m->removed.n > 0)) {
        auto_mem char *text = json_text(root, JSON_STYLE_COMPACT);

        ok = file_write_atomic(path, sv_of(text), 0600, &err);
    } else {
        ok = file_remove(path, &err);
    }
    if (!ok)
        log_warn("The next host agent will not know what is mounted: %s", err_text(err));
}

static bool restore_one(struct mounts *m, const json_t *value, struct err **errp)
{
    const char *name, *type, *location, *mount_point;
    const struct mount_type *found;
    bool writable;

    if (!json_get_str(value, "name", &name, errp) || !json_get_str(value, "type", &type, errp) ||
        !json_get_str(value, "hostPath", &location, errp) ||
        !json_get_str(value, "mountPoint", &mount_point, errp) ||
        !json_get_bool(value, "writable", &writable, errp))
        return false;
    found = mount_type_find(type);
    if (!found || !str_starts(name, MOUNT_HOT_PREFIX) || !path_is_absolute(location) ||
        !path_is_absolute(mount_point) || mount_find(m, mount_point))
        return err_set(errp, ERR_INVALID, "%s cannot be mounted on %s", location, mount_point);
    (void)mount_new(m, found, mem_strdup(name), location, mount_point, writable);
    return true;
}

/* A mount of the configuration that the guest no longer has. */
static void restore_removed(struct mounts *m, const char *mount_point)
{
    struct mount *mount = mount_point ? mount_find(m, mount_point) : NULL;

    if (!mount || !mount->is_configured)
        return;
    strv_push(&m->removed, mount_point);
    mount_free(mount);
}

static bool restore_all(struct mounts *m, const char *path, struct err **errp)
{
    auto_mem char *mark = mark_of(m->params.machine_path);
    auto_mem char *text = NULL;
    auto_json json_t *root = NULL;
    const char *machine;
    json_t *list, *removed = NULL, *value;
    size_t i;

    if (!file_read_text(path, SIZE_MAX_KEPT, &text, errp) ||
        !(root = json_parse(sv_of(text), errp)) || !json_get_str(root, "machine", &machine, errp) ||
        !json_get_array(root, "mounts", &list, errp) ||
        !json_opt_array(root, "removed", &removed, errp))
        return false;
    if (!mark || !str_eq(machine, mark))
        return err_set(errp, ERR_NOT_FOUND, "it is of another machine");
    json_array_foreach(removed, i, value) restore_removed(m, json_string_value(value));
    json_array_foreach(list, i, value)
    {
        auto_err struct err *err = NULL;

        if (!restore_one(m, value, &err))
            log_warn("%s: %s", path, err_text(err));
    }
    return true;
}

void mounts_restore(struct mounts *m)
{
    auto_mem char *path = m->params.dir ? path_join(m->params.dir, NAME_HOT_MOUNTS) : NULL;
    auto_err struct err *err = NULL;

    if (!path || restore_all(m, path, &err))
        return;
    if (err_kind(err) == ERR_NOT_FOUND)
        log_debug("%s: %s", path, err_text(err));
    else
        log_warn("%s: %s", path, err_text(err));
}
