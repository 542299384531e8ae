#include "instance/images.h"

#include "base/mem.h"
#include "svc/fetch/lazy.h"
#include "sys/prefix.h"

const struct images *images_load(struct err **errp)
{
    static const struct images *loaded;
    const struct images *module = NULL;
    const struct lazy_symbol symbols[] = { { "images_module", &module } };
    auto_mem char *path = NULL;

    if (loaded)
        return loaded;
    if (!prefix_find("libexec/lima/images.so", &path, errp))
        return NULL;

    const char *const paths[] = { path, NULL };

    if (!lazy_load("the image module", paths, symbols, COUNT(symbols), errp))
        return NULL;
    module->log_setup(log_get_level(), log_get_format());
    loaded = module;
    return loaded;
}
