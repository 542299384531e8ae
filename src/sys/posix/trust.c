#include "sys/trust.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/sys_priv.h"

static bool check_one(const char *path, bool is_program, struct err **errp)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return sys_fail(errp, errno, "cannot look at %s", path);
    if (is_program ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode))
        return err_set(errp, ERR_INVALID, "%s is no %s", path,
                       is_program ? "regular file" : "directory");
    if (st.st_uid != 0)
        return err_set(errp, ERR_INVALID, "%s does not belong to root", path);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(errp, ERR_INVALID, "%s can be written by others than root", path);
    return true;
}

bool trust_check_program(const char *path, struct err **errp)
{
    auto_mem char *dir = path_dir(path);

    if (!path_is_absolute(path))
        return err_set(errp, ERR_INVALID, "%s is no absolute path", path);
    if (!check_one(path, true, errp))
        return false;
    for (;;) {
        if (!check_one(dir, false, errp))
            return false;
        if (strcmp(dir, "/") == 0)
            return true;
        mem_replace(&dir, path_dir(dir));
    }
}
