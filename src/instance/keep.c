#include "instance/keep.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"

/* Names with a leading dot are never instances. */
#define HIDDEN_PREFIX ".clima-"

bool keep_new_dir(const char *lima_home, char **out_dir, int *out_lock, struct err **errp)
{
    auto_mem char *prefix = path_join(lima_home, HIDDEN_PREFIX);
    auto_mem char *dir = NULL;
    auto_fd int home_lock = -1; /* keeps keep_sweep() away until the new directory is locked */

    if (!lock_dir(lima_home, LOCK_WAIT, &home_lock, errp) || !dir_make_temp(prefix, &dir, errp) ||
        !lock_dir(dir, LOCK_WAIT, out_lock, errp))
        return false;
    *out_dir = MOVE(dir);
    return true;
}

bool keep_remove(const char *dir, struct err **errp)
{
    auto_mem char *home = path_dir(dir);
    auto_mem char *grave = NULL;
    auto_mem char *target = NULL;
    auto_fd int lock = -1;

    if (!keep_new_dir(home, &grave, &lock, errp))
        return false;
    target = path_join(grave, path_base(dir));
    if (!file_rename(dir, target, errp)) {
        (void)rmdir(grave);
        return false;
    }
    return dir_remove_tree(grave, errp);
}

/* Removes one directory unless somebody is at work in it. */
static void sweep(const char *lima_home, const char *name)
{
    auto_mem char *path = path_join(lima_home, name);
    auto_fd int home_lock = -1;
    auto_fd int lock = -1;
    auto_err struct err *err = NULL;

    if (lock_dir(lima_home, LOCK_WAIT, &home_lock, &err) && lock_dir(path, LOCK_TRY, &lock, &err)) {
        (void)close(MOVE_FD(home_lock));
        if (dir_remove_tree(path, &err))
            return;
    }
    log_debug("%s", err_text(err));
}

void keep_sweep(const char *lima_home)
{
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    if (!dir_list(lima_home, &names, &err)) {
        log_debug("%s", err_text(err));
        return;
    }
    for (size_t i = 0; i < names.n; i++)
        if (str_starts(names.v[i], HIDDEN_PREFIX))
            sweep(lima_home, names.v[i]);
}

static bool survives_reset(const char *name)
{
    return str_ends(name, ".yaml") || str_ends(name, ".yml") || strcmp(name, NAME_LIMA_VERSION) == 0 ||
           strcmp(name, NAME_PROTECTED) == 0 || strcmp(name, NAME_VZ_IDENTIFIER) == 0;
}

/* A directory that is not empty is none of ours: it is left, and told. */
static bool remove_entry(const char *path, struct progress *progress, struct err **errp)
{
    if (unlink(path) == 0)
        return true;
    if (errno == EISDIR && rmdir(path) == 0)
        return true;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return err_set_os(errp, errno, "cannot remove %s", path);
    progress_note(progress, LOG_ERROR, "cannot remove \"%s\": %s", path, strerror(errno));
    return true;
}

bool keep_reset(const char *dir, struct progress *progress, struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(dir, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);

        if (!survives_reset(names.v[i]) && !remove_entry(path, progress, errp))
            return false;
    }
    return true;
}

bool keep_protect(const char *dir, struct err **errp)
{
    auto_mem char *path = path_join(dir, NAME_PROTECTED);

    return file_write_atomic(path, SV(""), 0400, errp);
}

bool keep_unprotect(const char *dir, struct err **errp)
{
    auto_mem char *path = path_join(dir, NAME_PROTECTED);

    return file_remove(path, errp);
}
