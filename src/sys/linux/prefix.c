#include "sys/prefix.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sv.h"
#include "sys/file.h"
#include "sys/sys_priv.h"

bool prefix_self(char **out_path, struct err **errp)
{
    char buf[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf));

    if (n < 0)
        return sys_fail(errp, errno, "cannot find the running program (is /proc mounted?)");
    *out_path = mem_strndup(buf, (size_t)n);
    return true;
}

char *prefix_of(const char *program_path)
{
    static const char *const below[] = { "/bin", "/libexec/lima" };
    auto_mem char *dir = path_dir(program_path);

    for (size_t i = 0; i < COUNT(below); i++)
        if (str_ends(dir, below[i])) {
            size_t n = strlen(dir) - strlen(below[i]);

            return n ? mem_strndup(dir, n) : mem_strdup("/");
        }
    return NULL;
}

bool prefix_dir(char **out_dir, struct err **errp)
{
    auto_mem char *self = NULL;
    char *dir;

    if (!prefix_self(&self, errp))
        return false;
    dir = prefix_of(self);
    if (!dir) {
        (void)err_set(errp, ERR_NOT_FOUND, "%s is not part of an installation", self);
        return err_hint(errp, "programs belong into PREFIX/bin or PREFIX/libexec/lima");
    }
    *out_dir = dir;
    return true;
}

bool prefix_find(const char *relative, char **out_path, struct err **errp)
{
    auto_mem char *dir = NULL;
    auto_mem char *path = NULL;

    if (!prefix_dir(&dir, errp))
        return false;
    path = path_join(dir, relative);
    if (!file_exists(path))
        return err_set(errp, ERR_NOT_FOUND, "the installation in %s lacks %s", dir, relative);
    *out_path = MOVE(path);
    return true;
}
