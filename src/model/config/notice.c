/* What the user should know although nothing is wrong. */
#include "model/config/config_priv.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/quote.h"

#define MANY_PORTS 10

static bool is_text(const char *text)
{
    return text && *text;
}

static void warn_mounts(const struct instance_config *config, const struct config_env *env,
                        struct config_warnings *warnings)
{
    bool linux_host = strcmp(env->host.os, "linux") == 0;

    for (size_t i = 0; i < config->mounts.n; i++) {
        const struct mount_config *mount = &config->mounts.v[i];
        struct stat st;

        if (stat(mount->location, &st) != 0 && errno == ENOENT) {
            auto_mem char *quoted = quote_tick_dup(mount->location);

            config_warn(warnings,
                        "field `mounts[%zu].location` refers to a non-existent directory: %s:", i,
                        quoted);
        }
        if (mount->virtiofs.queue_size.set && !linux_host)
            config_warn(warnings, "field mounts[%zu].virtiofs.queueSize is only supported on Linux",
                        i);
    }
}

static void warn_experimental(const struct instance_config *config,
                              struct config_warnings *warnings)
{
    static const char *const arches[] = { "riscv64", "armv7l", "s390x", "ppc64le" };

    if (strcmp(config->os, "Windows") == 0)
        config_warn(warnings, "`os: Windows` is experimental");
    for (size_t i = 0; i < COUNT(arches); i++)
        if (strcmp(config->arch, arches[i]) == 0)
            config_warn(warnings, "`arch: %s ` is experimental", arches[i]);
    if (str_eq(config->video.display, "vnc"))
        config_warn(warnings, "`video.display: vnc` is experimental");
    if (is_text(config->audio.device))
        config_warn(warnings, "`audio.device` is experimental");
    if (is_text(config->audio.interface))
        config_warn(warnings, "`audio.interface` is experimental");
    if (config->mount_inotify.v)
        config_warn(warnings, "`mountInotify` is experimental");
}

static void warn_sudo(const struct instance_config *config, struct config_warnings *warnings)
{
    if (config->user.passwordless_sudo.v || strcmp(config->os, "Darwin") == 0)
        return;
    config_warn(warnings, "`user.passwordlessSudo: false` is experimental");
    if (config->param.n)
        config_warn(warnings,
                    "`param` still relies on sudo internally, it may not work as expected "
                    "when `user.passwordlessSudo: false` is set");
}

static void warn_provision(const struct instance_config *config, struct config_warnings *warnings)
{
    for (size_t i = 0; i < config->provision.n; i++) {
        const struct provision_config *p = &config->provision.v[i];

        if (p->script && strstr(p->script, "LIMA_CIDATA"))
            config_warn(warnings,
                        "provisioning scripts should not reference the LIMA_CIDATA variables");
        if (is_text(p->playbook))
            config_warn(warnings, "provision mode `ansible` is deprecated, use `ansible-playbook` "
                                  "instead");
    }
}

static void warn_plain(const struct instance_config *config, struct config_warnings *warnings)
{
    if (!config->plain.v)
        return;
    for (size_t i = 0; i < config->port_forwards.n; i++) {
        const struct field_pair *guest = &config->port_forwards.v[i].guest_port_range;
        const struct field_pair *host = &config->port_forwards.v[i].host_port_range;
        int64_t n_guest = guest->v[1] - guest->v[0] + 1, n_host = host->v[1] - host->v[0] + 1;

        if (n_guest > MANY_PORTS || n_host > MANY_PORTS)
            config_warn(
                warnings,
                "[plain mode] portForwards[%zu] covers a range of more than %d ports (guest: "
                "%lld, host: %lld). All ports will be forwarded unconditionally, which may "
                "be inefficient.",
                i, MANY_PORTS, (long long)n_guest, (long long)n_host);
    }
}

void config_check_warn(const struct instance_config *config, const struct config_env *env,
                       struct config_warnings *warnings)
{
    warn_mounts(config, env, warnings);
    warn_experimental(config, warnings);
    warn_sudo(config, warnings);
    warn_provision(config, warnings);
    warn_plain(config, warnings);
}
