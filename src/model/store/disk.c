#include "model/store/disk.h"

#include <errno.h>
#include <limits.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/config/identifier.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"

static bool is_disk(const char *disks_dir, const char *name)
{
    auto_mem char *path = path_join(disks_dir, name);

    return identifier_check(name, NULL) && dir_exists(path);
}

bool disk_list(const struct store *store, struct strv *out_names, struct err **errp)
{
    auto_mem char *disks_dir = store_path(store, NAME_DISKS_DIR);
    auto_strv struct strv names = { 0 };
    struct err *err = NULL;

    if (!dir_list(disks_dir, &names, &err)) {
        if (err_kind(err) != ERR_NOT_FOUND)
            return err_propagate(errp, err);
        err_free(err);
    }
    for (size_t i = 0; i < names.n; i++)
        if (is_disk(disks_dir, names.v[i]))
            strv_push(out_names, names.v[i]);
    return true;
}

/* Target of the link in_use_by; NULL when there is none. */
static char *read_user(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_DISK_IN_USE_BY);
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof(target));

    return n > 0 && (size_t)n < sizeof(target) ? mem_strndup(target, (size_t)n) : NULL;
}

bool disk_find(struct disk *out, const struct store *store, const char *name, struct err **errp)
{
    auto_mem char *dir = NULL;

    if (!identifier_check(name, errp))
        return err_wrap(errp, "disk name");
    dir = mem_printf("%s/%s/%s", store->home, NAME_DISKS_DIR, name);
    if (!dir_exists(dir)) {
        auto_mem char *quoted = quote_tick_dup(name);

        return err_set(errp, ERR_NOT_FOUND, "disk %s does not exist", quoted);
    }
    *out = (struct disk){
        .name = mem_strdup(name),
        .data_path = path_join(dir, NAME_DISK_DATA),
        .instance_dir = read_user(dir),
    };
    out->dir = MOVE(dir);
    return true;
}

void disk_done(struct disk *disk)
{
    free(disk->name);
    free(disk->dir);
    free(disk->data_path);
    free(disk->instance_dir);
    *disk = (struct disk){ 0 };
}

bool disk_lock(const struct disk *disk, const char *instance_dir, struct err **errp)
{
    auto_mem char *path = path_join(disk->dir, NAME_DISK_IN_USE_BY);
    auto_mem char *user = NULL, *quoted = NULL;

    /* symlink() is the lock: it fails when there is one. */
    if (symlink(instance_dir, path) == 0)
        return true;
    if (errno != EEXIST)
        return err_set_os(errp, errno, "cannot attach disk %s", disk->name);
    user = read_user(disk->dir);
    if (str_eq(user, instance_dir))
        return true;
    quoted = quote_tick_dup(user ? path_base(user) : "?");
    return err_set(errp, ERR_BUSY, "in use by instance %s", quoted);
}

bool disk_unlock(const struct disk *disk, struct err **errp)
{
    auto_mem char *path = path_join(disk->dir, NAME_DISK_IN_USE_BY);

    return file_remove(path, errp);
}

bool disk_unlock_all(const struct store *store, const char *instance_dir, struct err **errp)
{
    auto_strv struct strv names = { 0 };
    auto_err struct err *first = NULL;

    if (!disk_list(store, &names, errp))
        return err_wrap(errp, "freeing the disks of the instance");
    for (size_t i = 0; i < names.n; i++) {
        auto_disk struct disk disk = { 0 };
        struct err **why = first ? NULL : &first;

        if (!disk_find(&disk, store, names.v[i], why) ||
            (str_eq(disk.instance_dir, instance_dir) && !disk_unlock(&disk, why)))
            (void)err_wrap(why, "freeing the disk \"%s\"", names.v[i]);
    }
    return !first || err_propagate(errp, MOVE(first));
}
