/* Reads templates from files until model/template does. */
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/template/template.h"
#include "sys/dir.h"
#include "sys/file.h"

void template_env_init(struct template_env *env, const char *templates_path, const char *lima_home,
                       const struct strv *prefixes, const char *arch)
{
    *env = (struct template_env){ .arch = arch };
    if (templates_path && templates_path[0]) {
        strv_split(&env->dirs, sv_of(templates_path), ':');
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

void template_done(struct template *tmpl)
{
    free(tmpl->locator);
    free(tmpl->name);
    free(tmpl->text);
    strv_done(&tmpl->warnings);
    *tmpl = (struct template){ 0 };
}

char *template_find(const struct template_env *env, const char *name, struct err **errp)
{
    for (size_t i = 0; i < env->dirs.n; i++) {
        auto_mem char *path = mem_printf("%s/%s.yaml", env->dirs.v[i], name);

        if (file_exists(path))
            return MOVE(path);
    }
    err_set(errp, ERR_NOT_FOUND, "template `%s.yaml` not found", name);
    return NULL;
}

bool template_read(const struct template_env *env, const char *locator, struct template *out,
                   struct err **errp)
{
    auto_mem char *path = mem_strdup(locator);

    *out = (struct template){ 0 };
    if (strcmp(locator, "-") == 0) {
        auto_sb struct sb text = { 0 };

        if (!file_read_fd(env->stdin_fd, "standard input", TEMPLATE_MAX_BYTES, &text, errp))
            return false;
        out->text = sb_steal(&text);
    } else {
        if (str_starts(locator, "template:")) {
            mem_replace(&path, template_find(env, locator + strlen("template:"), errp));
            if (!path)
                return false;
        }
        if (!file_read_text(path, TEMPLATE_MAX_BYTES, &out->text, errp))
            return false;
        out->name = mem_strndup(path_base(path), strlen(path_base(path)) - strlen(path_ext(path)));
    }
    out->locator = MOVE(path);
    return true;
}

void template_list(const struct template_env *env, struct strv *out)
{
    for (size_t i = 0; i < env->dirs.n; i++) {
        auto_strv struct strv names = { 0 };

        if (!dir_list(env->dirs.v[i], &names, NULL))
            continue;
        for (size_t j = 0; j < names.n; j++)
            if (str_ends(names.v[j], ".yaml"))
                strv_push_sv(out, sv_slice(sv_of(names.v[j]), 0, strlen(names.v[j]) - 5));
    }
    strv_sort(out);
}
