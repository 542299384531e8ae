#include "instance/prepare.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/store/names.h"
#include "svc/fetch/fetch.h"
#include "svc/image/prepare.h"
#include "svc/image/probe.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/prefix.h"

bool prepare_wants_agent(const struct instance_config *config)
{
    return strcmp(config->os, "Linux") == 0 && !config->plain.v;
}

bool prepare_find_agent(const char *arch, char **out_path, struct err **errp)
{
    auto_mem char *name = mem_printf("share/lima/lima-guestagent.Linux-%s", arch);

    return prefix_find(name, out_path, errp) ||
           err_wrap(errp, "looking for the guest agent for %s", arch);
}

static void pass_note(void *arg, enum log_level level, const char *text)
{
    progress_note(arg, level, "%s", text);
}

struct driver_instance prepare_driver_instance(const struct instance *inst, const char *cache_dir,
                                               struct progress *progress)
{
    return (struct driver_instance){
        .config = &inst->config,
        .name = inst->name,
        .dir = inst->dir,
        .cache_dir = cache_dir,
        .on_note = progress ? pass_note : NULL,
        .note_arg = progress,
    };
}

/*
 * Checks.
 */

static bool check_served(const struct instance *inst, struct err **errp)
{
    auto_strv struct strv unserved = { 0 };

    config_unserved(&inst->config, &unserved);
    if (unserved.n == 0)
        return true;
    auto_mem char *list = strv_join(&unserved, "\n");

    return err_set(errp, ERR_UNSUPPORTED, "%s", list);
}

static bool check_driver(const struct driver_type *type, const struct driver_instance *driven,
                         struct err **errp)
{
    return driver_type_probe(type, driven->config->arch, errp) &&
           driver_type_check_config(type, driven, errp);
}

bool prepare_check(const struct store *store, const struct instance *inst, struct err **errp)
{
    auto_mem char *cache_dir = store_cache_dir(store);
    struct driver_instance driven = prepare_driver_instance(inst, cache_dir, NULL);
    const struct driver_type *type = driver_type_find(inst->config.vm_type, errp);

    return type && check_served(inst, errp) && check_driver(type, &driven, errp);
}

/*
 * Files.
 */

static bool link_if_missing(const char *dir, const char *target, const char *name,
                            struct err **errp)
{
    auto_mem char *path = path_join(dir, name);

    if (symlink(target, path) != 0 && errno != EEXIST)
        return err_set_os(errp, errno, "cannot create the link %s", path);
    return true;
}

/* Instances of old versions have a base and a difference disk; the names of today become links, so
 * that an old version can still start them. */
static bool migrate_disks(const char *dir, struct err **errp)
{
    auto_mem char *disk = path_join(dir, NAME_DISK);
    auto_mem char *iso = path_join(dir, NAME_ISO);
    auto_mem char *diff_disk = path_join(dir, NAME_DIFF_DISK);
    auto_mem char *base_disk = path_join(dir, NAME_BASE_DISK);
    struct image_info info;

    if (file_exists(disk))
        return true;
    if (file_exists(diff_disk) && !link_if_missing(dir, NAME_DIFF_DISK, NAME_DISK, errp))
        return false;
    if (!file_exists(base_disk) || file_exists(iso))
        return true;
    if (!image_probe_file(base_disk, &info, errp))
        return false;
    return info.format != IMAGE_ISO || link_if_missing(dir, NAME_BASE_DISK, NAME_ISO, errp);
}

static struct image_entry image_entry_of(const struct image_config *image, const char *arch)
{
    struct image_entry entry = {
        .image = { image->location, image->digest },
        .arch = image->arch ? image->arch : arch,
        .variant = image->variant,
    };

    if (image->kernel) {
        entry.kernel = (struct image_file){ image->kernel->location, image->kernel->digest };
        entry.cmdline = image->kernel->cmdline;
    }
    if (image->initrd)
        entry.initrd = (struct image_file){ image->initrd->location, image->initrd->digest };
    return entry;
}

static bool prepare_image(const struct store *store, const struct instance *inst,
                          const char *cache_dir, struct progress *progress, struct err **errp)
{
    const struct instance_config *config = &inst->config;
    auto_mem struct image_entry *entries = mem_array(config->images.n, sizeof(*entries));

    for (size_t i = 0; i < config->images.n; i++)
        entries[i] = image_entry_of(&config->images.v[i], config->arch);
    return image_prepare(
        &(struct image_prepare){
            .dir = inst->dir,
            .arch = config->arch,
            .entries = entries,
            .n_entries = config->images.n,
            .cache_dir = cache_dir,
            .home = store->env.host.user_home,
            .find_agent = prepare_find_agent,
            .progress = progress,
        },
        errp);
}

static bool refresh_agent(const struct instance *inst, struct err **errp)
{
    auto_mem char *agent = NULL;

    return prepare_find_agent(inst->config.arch, &agent, errp) &&
           image_refresh_initrd(inst->dir, agent, errp);
}

bool prepare_nerdctl_archive(const struct store *store, const struct instance *inst,
                             struct progress *progress, char **out_path, struct err **errp)
{
    const struct containerd_config *containerd = &inst->config.containerd;
    auto_mem char *cache_dir = store_cache_dir(store);
    auto_strv struct strv reasons = { 0 };

    *out_path = NULL;
    if (!containerd->system.v && !containerd->user.v)
        return true;
    for (size_t i = 0; i < containerd->archives.n; i++) {
        const struct file_config *archive = &containerd->archives.v[i];
        struct fetched got = FETCHED_NONE;
        auto_err struct err *why = NULL;

        if (!str_eq(archive->arch, inst->config.arch))
            continue;
        if (fetch(&(struct fetch_request){ .location = archive->location,
                                           .digest = archive->digest,
                                           .what = "the nerdctl archive",
                                           .cache_dir = cache_dir,
                                           .home = store->env.host.user_home,
                                           .progress = progress },
                  &got, &why)) {
            *out_path = MOVE(got.path);
            fetched_done(&got);
            return true;
        }
        strv_pushf(&reasons, "failed to %s `%s`: %s",
                   fetch_is_local(archive->location) ? "open" : "download", archive->location,
                   err_text(why));
    }
    auto_mem char *list = strv_join(&reasons, "\n");

    return err_set(errp, ERR_NOT_FOUND, "%s",
                   reasons.n ? list : "there is no nerdctl archive for this architecture") ||
           err_hint(errp, "to do without containerd: --containerd=none");
}

/* Unfinished files of a process that was killed while it made them. */
static bool drop_temps(const char *dir, struct err **errp)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(dir, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);

        if (str_ends(names.v[i], NAME_TMP_SUFFIX) && !dir_exists(path) && !file_remove(path, errp))
            return false;
    }
    return true;
}

bool prepare_instance(const struct store *store, const struct instance *inst,
                      struct progress *progress, struct err **errp)
{
    auto_mem char *cache_dir = store_cache_dir(store);
    struct driver_instance driven = prepare_driver_instance(inst, cache_dir, progress);
    const struct driver_type *type = driver_type_find(inst->config.vm_type, errp);

    if (!type || !check_served(inst, errp) || !check_driver(type, &driven, errp) ||
        !drop_temps(inst->dir, errp) || !migrate_disks(inst->dir, errp) ||
        !prepare_image(store, inst, cache_dir, progress, errp) ||
        !driver_type_create_disk(type, &driven, errp))
        return false;
    return !prepare_wants_agent(&inst->config) || refresh_agent(inst, errp);
}
