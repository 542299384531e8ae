#include "model/store/store.h"

#include <errno.h>

#include "base/mem.h"
#include "base/path.h"
#include "lang/yaml/yaml_text.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"

#define NETWORKS_YAML_MAX ((size_t)1 << 20)

static bool find_home(const char *user_home, char **out_home, struct err **errp)
{
    const char *named = getenv("LIMA_HOME");
    auto_mem char *path = NULL;
    char *resolved;

    if (!named || !*named)
        path = path_join(user_home, ".lima");
    else if (!file_absolute(named, &path, errp))
        return err_wrap(errp, "cannot find the Lima home %s", named);
    resolved = realpath(path, NULL);
    if (!resolved && errno != ENOENT)
        return err_set_os(errp, errno, "cannot use the Lima home %s", path);
    *out_home = resolved ? resolved : MOVE(path);
    return true;
}

bool store_home(char **out_home, struct err **errp)
{
    auto_host_facts struct host_facts host = { 0 };

    return host_facts_gather(&host, errp) && find_home(host.user_home, out_home, errp);
}

/* *out_text stays NULL when there is no such file. */
static bool read_optional(const char *path, size_t limit, char **out_text, struct err **errp)
{
    struct err *err = NULL;

    if (file_read_text(path, limit, out_text, &err))
        return true;
    if (err_kind(err) != ERR_NOT_FOUND)
        return err_propagate(errp, err);
    err_free(err);
    return true;
}

static bool read_layer(struct store *store, enum config_layer_kind kind, const char *name,
                       struct err **errp)
{
    auto_mem char *path = store_config_path(store, name);
    auto_mem char *text = NULL;

    if (!read_optional(path, YAML_MAX_BYTES, &text, errp))
        return false;
    return !text || config_env_add_layer(&store->env, kind, path, sv_of(text), errp);
}

static bool read_all(struct store *store, struct err **errp)
{
    struct config_env *env = &store->env;

    if (!host_facts_gather(&env->host, errp) || !find_home(env->host.user_home, &store->home, errp))
        return false;
    env->lima_home = mem_strdup(store->home);
    env->networks_path = store_config_path(store, NAME_NETWORKS_YAML);
    return read_layer(store, CONFIG_LAYER_DEFAULTS, NAME_DEFAULT_YAML, errp) &&
           read_layer(store, CONFIG_LAYER_OVERRIDES, NAME_OVERRIDE_YAML, errp) &&
           read_optional(env->networks_path, NETWORKS_YAML_MAX, &env->networks_text, errp);
}

bool store_open(struct store *out, struct err **errp)
{
    *out = (struct store){ 0 };
    if (read_all(out, errp))
        return true;
    store_done(out);
    return false;
}

void store_done(struct store *store)
{
    free(store->home);
    config_env_done(&store->env);
    *store = (struct store){ 0 };
}

bool store_make_home(const struct store *store, struct err **errp)
{
    auto_mem char *config_dir = store_path(store, NAME_CONFIG_DIR);

    return dir_make_all(config_dir, 0700, errp);
}

char *store_path(const struct store *store, const char *name)
{
    return path_join(store->home, name);
}

char *store_config_path(const struct store *store, const char *name)
{
    return mem_printf("%s/%s/%s", store->home, NAME_CONFIG_DIR, name);
}

char *store_cache_dir(const struct store *store)
{
    const char *xdg = getenv("XDG_CACHE_HOME");

    if (xdg && path_is_absolute(xdg)) /* the specification says to ignore relative ones */
        return path_join(xdg, "lima");
    return path_join(store->env.host.user_home, ".cache/lima");
}
