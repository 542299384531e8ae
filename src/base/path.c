#include "base/path.h"

#include <string.h>

#include "base/mem.h"
#include "base/sb.h"
#include "base/strv.h"

char *path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);

    while (n > 0 && dir[n - 1] == '/')
        n--;
    while (*name == '/')
        name++;
    if (n == 0 && *dir == '\0')
        return mem_strdup(name);
    return mem_printf("%.*s/%s", (int)n, dir, name);
}

char *path_clean(const char *path)
{
    auto_strv struct strv kept = { 0 };
    struct sv rest = sv_of(path), part;
    bool rooted = path[0] == '/';

    while (sv_next(&rest, '/', &part)) {
        bool has_parent = kept.n && strcmp(kept.v[kept.n - 1], "..") != 0;

        if (part.n == 0 || sv_eq_str(part, "."))
            continue;
        if (!sv_eq_str(part, ".."))
            strv_push_sv(&kept, part);
        else if (has_parent)
            strv_remove(&kept, kept.n - 1);
        else if (!rooted)
            strv_push_sv(&kept, part);
    }
    auto_mem char *joined = strv_join(&kept, "/");

    if (rooted)
        return mem_printf("/%s", joined);
    return *joined ? MOVE(joined) : mem_strdup(".");
}

char *path_dir(const char *path)
{
    const char *base = path_base(path);
    auto_mem char *dir = mem_strndup(path, (size_t)(base - path));

    return path_clean(dir);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

const char *path_ext(const char *path)
{
    const char *dot = strrchr(path_base(path), '.');

    return dot ? dot : "";
}

bool path_is_absolute(const char *path)
{
    return path[0] == '/';
}

bool path_is_within(const char *path, const char *dir)
{
    auto_mem char *clean_path = path_clean(path);
    auto_mem char *clean_dir = path_clean(dir);
    size_t n = strlen(clean_dir);

    if (strcmp(clean_dir, "/") == 0)
        return clean_path[0] == '/';
    return strncmp(clean_path, clean_dir, n) == 0 &&
           (clean_path[n] == '\0' || clean_path[n] == '/');
}

char *path_expand_home(const char *path, const char *home)
{
    if (path[0] != '~' || (path[1] != '\0' && path[1] != '/'))
        return mem_strdup(path);
    return path[1] == '\0' ? mem_strdup(home) : path_join(home, path + 2);
}
