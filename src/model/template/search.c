/* The template directories. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/template/template.h"
#include "sys/dir.h"
#include "sys/file.h"

/* Directories inside each other below a template directory. */
enum { DEPTH_MAX = 8 };

#define SUFFIX ".yaml"

/* Entries of a path list, empty ones left out. */
static void push_path(struct strv *dirs, const char *list)
{
    auto_strv struct strv entries = { 0 };

    strv_split(&entries, sv_of(list), ':');
    for (size_t i = 0; i < entries.n; i++) {
        char *dir = NULL;

        if (entries.v[i][0] && file_absolute(entries.v[i], &dir, NULL))
            strv_push_take(dirs, dir);
    }
}

void template_env_init(struct template_env *env, const char *templates_path, const char *lima_home,
                       const struct strv *prefixes, const char *arch)
{
    *env = (struct template_env){ .arch = arch, .stdin_fd = -1 };
    if (templates_path && templates_path[0]) {
        push_path(&env->dirs, templates_path);
        return;
    }
    strv_pushf(&env->dirs, "%s/_templates", lima_home);
    for (size_t i = 0; i < prefixes->n; i++)
        strv_pushf(&env->dirs, "%s/share/lima/templates", prefixes->v[i]);
}

void template_env_done(struct template_env *env)
{
    strv_done(&env->dirs);
}

/* "24.04" at the end of "ubuntu-24.04" is no file name extension. */
static char *file_name_of(const char *name)
{
    const char *ext = path_ext(name);

    if (!ext[0] || isdigit((unsigned char)ext[1]))
        return mem_printf("%s" SUFFIX, name);
    return mem_strdup(name);
}

char *template_find(const struct template_env *env, const char *name, struct err **errp)
{
    auto_mem char *file = NULL;

    if (strstr(name, "..")) {
        err_set(errp, ERR_INVALID, "template name `%s` must not contain `..`", name);
        return NULL;
    }
    file = file_name_of(name);
    for (size_t i = 0; i < env->dirs.n; i++) {
        auto_mem char *path = path_join(env->dirs.v[i], file);

        if (file_is_regular(path))
            return MOVE(path);
    }
    err_set(errp, ERR_NOT_FOUND, "template `%s` not found", file);
    err_hint(errp, "`limactl start --list-templates` lists the templates there are");
    return NULL;
}

/* prefix is "" or ends with a slash. Links to directories could lead in circles: they are left out.
 */
static void list_below(const char *dir, const char *prefix, unsigned depth, struct strv *out)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(dir, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.v[i];
        auto_mem char *path = path_join(dir, name);
        auto_mem char *shown = mem_printf("%s%s", prefix, name);

        if (name[0] == '.')
            continue;
        if (dir_exists(path) && !file_is_link(path)) {
            auto_mem char *below = mem_printf("%s/", shown);

            if (depth < DEPTH_MAX)
                list_below(path, below, depth + 1, out);
        } else if (str_ends(name, SUFFIX) && file_is_regular(path)) {
            shown[strlen(shown) - strlen(SUFFIX)] = 0;
            if (!strv_has(out, shown))
                strv_push(out, shown);
        }
    }
}

void template_list(const struct template_env *env, struct strv *out)
{
    for (size_t i = 0; i < env->dirs.n; i++)
        list_below(env->dirs.v[i], "", 0, out);
    strv_sort(out);
}
