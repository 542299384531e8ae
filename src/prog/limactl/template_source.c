#include "prog/limactl/template_source.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/store/inst_dir.h"
#include "model/template/template.h"
#include "prog/limactl/target.h"
#include "svc/fetch/fetch.h"
#include "sys/prefix.h"

static bool fetch_url(void *ctx, const char *url, size_t limit, struct sb *out, struct err **errp)
{
    return fetch_text(url, limit, out, errp);
}

static void open_env(struct template_env *env, const struct store *store)
{
    auto_strv struct strv prefixes = { 0 };
    auto_mem char *prefix = NULL;

    if (prefix_dir(&prefix, NULL))
        strv_push(&prefixes, prefix);
    template_env_init(env, getenv("LIMA_TEMPLATES_PATH"), store->home, &prefixes, store->env.host.arch);
    env->stdin_fd = STDIN_FILENO;
    env->home = store->env.host.user_home;
    env->fetch = fetch_url;
}

bool template_source_names(const struct store *store, struct strv *out, struct err **errp)
{
    auto_template_env struct template_env env = { 0 };
    auto_strv struct strv names = { 0 };

    open_env(&env, store);
    template_list(&env, &names);
    for (size_t i = 0; i < names.n; i++)
        if (names.v[i][0] != '_')
            strv_push(out, names.v[i]);
    if (out->n > 0)
        return true;
    return err_set(errp, ERR_NOT_FOUND, "there are no templates") ||
           err_hint(errp, "they are installed in PREFIX/share/lima/templates; LIMA_TEMPLATES_PATH names "
                          "other directories");
}

void template_source_list(const struct store *store, struct strv *out_names, struct strv *out_paths)
{
    auto_template_env struct template_env env = { 0 };
    auto_strv struct strv names = { 0 };

    open_env(&env, store);
    template_list(&env, &names);
    for (size_t i = 0; i < names.n; i++) {
        char *path = template_find(&env, names.v[i], NULL);

        if (!path)
            continue; /* removed meanwhile */
        strv_push(out_names, names.v[i]);
        strv_push_take(out_paths, path);
    }
}

bool template_source_read(const struct store *store, const char *locator, struct template *out,
                          struct err **errp)
{
    auto_template_env struct template_env env = { 0 };

    open_env(&env, store);
    if (!template_read(&env, locator, out, errp))
        return false;
    for (size_t i = 0; i < out->warnings.n; i++)
        log_warn("%s", out->warnings.v[i]);
    return true;
}

void template_source_complete(const struct strv *before, struct strv *out)
{
    auto_store struct store store = { 0 };
    auto_strv struct strv names = { 0 };

    target_complete(before, out);
    if (before->n > 0 || !store_open(&store, NULL) || !template_source_names(&store, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++)
        strv_pushf(out, "template:%s", names.v[i]);
}
