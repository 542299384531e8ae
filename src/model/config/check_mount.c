#include "model/config/check_priv.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/units.h"

static void check_location(struct checker *c, size_t i, const char *location)
{
    auto_mem char *quoted = quote_tick_dup(location);
    struct stat st;

    if (*location == '~') {
        check_fail(c,
                   "field `mounts[%zu].location` refers to an unexpandable path: %s: unexpandable "
                   "path %s",
                   i, quoted, quoted);
        return;
    }
    if (!path_is_absolute(location)) {
        check_fail(c, "field `mounts[%zu].location` must be an absolute path, got %s", i, quoted);
        return;
    }
    if (stat(location, &st) == 0) {
        bool can_be_file = str_eq(c->config->mount_type, "virtiofs");

        if (!S_ISDIR(st.st_mode) && !(can_be_file && S_ISREG(st.st_mode)))
            check_fail(c, "field `mounts[%zu].location` refers to a non-directory path: %s", i,
                       quoted);
    } else if (errno != ENOENT) {
        check_fail(c, "field `mounts[%zu].location` refers to an inaccessible path: %s: %s", i,
                   quoted, strerror(errno));
    }
}

/* A mount on it, or on a part of it, hides what the guest cannot be without. */
static bool is_system_path(const char *path)
{
    static const char *const exact[] = { "/",        "/bin",       "/etc",      "/home",
                                         "/lib",     "/lib64",     "/opt",      "/run",
                                         "/sbin",    "/tmp",       "/usr",      "/usr/bin",
                                         "/usr/lib", "/usr/lib64", "/usr/sbin", "/var",
                                         "/var/lib", "/var/run",   NULL };
    static const char *const trees[] = { "/dev", "/proc", "/run/lima-mounts", "/sys" };
    auto_mem char *clean = path_clean(path);

    for (size_t i = 0; i < COUNT(trees); i++)
        if (path_is_within(clean, trees[i]))
            return true;
    return check_is_word(clean, exact);
}

bool config_check_mount_point(const struct instance_config *config, const char *field,
                              const char *mount_point, struct err **errp)
{
    auto_mem char *quoted = quote_tick_dup(mount_point);

    if (*mount_point == '~')
        return err_set(errp, ERR_INVALID, "%s must not start with `~`", field);
    if (!path_is_absolute(mount_point))
        return err_set(errp, ERR_INVALID, "%s must be absolute, got %s", field, quoted);
    if (is_system_path(mount_point))
        return err_set(errp, ERR_INVALID, "%s must not be a system path such as /etc or /usr",
                       field);
    if (str_eq(mount_point, config->user.home))
        return err_set(errp, ERR_INVALID, "%s is the reserved internal home directory %s", field,
                       quoted);
    return true;
}

static void check_mount_point(struct checker *c, size_t i, const char *mount_point)
{
    auto_mem char *field = mem_printf("field `mounts[%zu].mountPoint`", i);
    auto_err struct err *err = NULL;

    if (!config_check_mount_point(c->config, field, mount_point, &err))
        check_fail(c, "%s", err_text(err));
}

static void check_virtiofs(struct checker *c, size_t i, const struct virtiofs_config *virtiofs)
{
    auto_mem char *cache = quote_tick_dup(virtiofs->cache ? virtiofs->cache : "");
    auto_mem char *ownership = quote_tick_dup(virtiofs->ownership ? virtiofs->ownership : "");

    if (virtiofs->cache && !check_is_word(virtiofs->cache, config_virtiofs_caches))
        check_fail(c,
                   "field `mounts[%zu].virtiofs.cache` must be `auto`, `always` or `never`, got %s",
                   i, cache);
    if (virtiofs->ownership && !check_is_word(virtiofs->ownership, config_virtiofs_owners))
        check_fail(c, "field `mounts[%zu].virtiofs.ownership` must be `host` or `mapped`, got %s",
                   i, ownership);
}

void check_mounts(struct checker *c)
{
    for (size_t i = 0; i < c->config->mounts.n; i++) {
        const struct mount_config *mount = &c->config->mounts.v[i];
        struct err *err = NULL;
        uint64_t bytes;

        check_location(c, i, mount->location);
        /* A relative location was named above; the mount point taken from it is not worth a line.
         */
        if (path_is_absolute(mount->location) || !str_eq(mount->location, mount->mount_point))
            check_mount_point(c, i, mount->mount_point);
        if (!size_parse(sv_of(mount->ninep.msize.text), &bytes, &err))
            check_fail_err(c, err, "field `msize` has an invalid value");
        check_virtiofs(c, i, &mount->virtiofs);
    }
}

void check_mount_type(struct checker *c)
{
    const char *mount_type = c->config->mount_type;
    const struct strv *unsupported = &c->config->mount_types_unsupported;

    if (!mount_type)
        return;
    if (!check_is_word(mount_type, config_mount_types)) {
        auto_mem char *quoted = quote_tick_dup(mount_type);

        check_fail(
            c,
            "field `mountType` must be `reverse-sshfs` or `9p` or `virtiofs`, or `wsl2`, got "
            "%s",
            quoted);
        return;
    }
    if (strv_has(unsupported, mount_type)) {
        auto_mem char *list = strv_join(unsupported, " ");

        check_fail(c,
                   "field `mountType` must not be one of [%s] (`mountTypesUnsupported`), got `%s`",
                   list, mount_type);
    }
}
