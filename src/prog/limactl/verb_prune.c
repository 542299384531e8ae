/* limactl prune: removes the download cache (reference: cli section 10.6). */
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "model/store/inst_dir.h"
#include "model/store/inst_status.h"
#include "prog/limactl/verb.h"
#include "svc/fetch/fetch.h"

struct prune_opts {
    struct arg_bool keep_referred;
};

static const struct opt prune_rows[] = {
    { OPT_AT(BOOL, struct prune_opts, keep_referred), .name = "keep-referred",
      .help = "Keep what instances refer to" },
};

static void keep(struct strv *out, const char *location)
{
    if (location && location[0] && !fetch_is_local(location) && !strv_has(out, location))
        strv_push(out, location);
}

static void keep_images(struct strv *out, const struct instance_config *config)
{
    for (size_t i = 0; i < config->images.n; i++) {
        const struct image_config *image = &config->images.v[i];

        keep(out, image->location);
        if (image->kernel)
            keep(out, image->kernel->location);
        if (image->initrd)
            keep(out, image->initrd->location);
    }
    for (size_t i = 0; i < config->firmware.images.n; i++)
        keep(out, config->firmware.images.v[i].location);
    for (size_t i = 0; i < config->containerd.archives.n; i++)
        keep(out, config->containerd.archives.v[i].location);
}

/* Locations that any instance names. An instance that cannot be read keeps everything. */
static bool list_referred(const struct store *store, struct strv *out, struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (!inst_list(store, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_instance struct instance inst = { 0 };

        instance_inspect_any(&inst, store, names.v[i]);
        if (!inst.has_config)
            return err_set(errp, ERR_INVALID, "cannot tell what instance `%s` refers to: %s", inst.name,
                           inst.errors.n > 0 ? inst.errors.v[0] : "no configuration");
        keep_images(out, &inst.config);
    }
    return true;
}

static bool prune_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct prune_opts *o = opts;
    auto_store struct store store = { 0 };
    auto_strv struct strv referred = { 0 };

    if (!store_open(&store, errp) || (o->keep_referred.v && !list_referred(&store, &referred, errp)))
        return false;
    auto_mem char *cache_dir = store_cache_dir(&store);
    auto_mem char *shown = quote_tick_dup(cache_dir);

    log_info("Pruning %s", shown);
    return fetch_prune(cache_dir, o->keep_referred.v ? &referred : NULL, errp);
}

const struct verb verb_prune = {
    .name = "prune",
    .group = VERB_ADVANCED,
    .summary = "Remove downloaded and built images from the cache",
    .opts = { { NULL, prune_rows, COUNT(prune_rows), 0 } },
    .opts_size = sizeof(struct prune_opts),
    .run = prune_run,
};
