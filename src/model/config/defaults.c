/* Defaults that depend on the host, the guest or the version that made the instance. */
#include "model/config/config_priv.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/units.h"
#include "lang/schema/schema.h"

#define DEFAULT_CPUS     4u
#define DEFAULT_MEMORY   (UINT64_C(4) << 30)
#define DEFAULT_DISK     "100GiB"
/* The guest user when the host user is root. */
#define ROOTLESS_UID     1000
#define FALLBACK_USER    "lima"
#define OLD_DEFAULT_PORT 60022

static void set_text(char **slot, const char *value)
{
    if (!*slot)
        *slot = mem_strdup(value);
}

static void set_bool(struct opt_bool *slot, bool value)
{
    if (!slot->set)
        *slot = (struct opt_bool){ true, value };
}

static void set_int(struct opt_int *slot, int64_t value)
{
    if (!slot->set)
        *slot = (struct opt_int){ true, value };
}

static bool is_text(const char *text)
{
    return text && *text;
}

static bool is_default_word(const char *text)
{
    return !is_text(text) || strcmp(text, "default") == 0;
}

static bool is_os(const struct config_job *job, const char *os)
{
    return strcmp(job->config->os, os) == 0;
}

static bool is_linux_user_name(const char *name)
{
    if (!islower((unsigned char)*name) && *name != '_')
        return false;
    for (const char *p = name; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_' && *p != '-')
            return false;
    return true;
}

static const char *default_user_name(struct config_job *job)
{
    const char *name = job->env->host.user_name;

    if (job->env->host.uid == 0)
        return FALLBACK_USER;
    if (!is_linux_user_name(name)) {
        auto_mem char *quoted = quote_tick_dup(name);

        config_warn(job->warnings,
                    "local username %s is not a valid Linux username (must match "
                    "`^[a-z_][a-z0-9_-]*$`); using `lima` instead",
                    quoted);
        return FALLBACK_USER;
    }
    if (strcmp(name, "admin") == 0 && !config_version_is_older(job->in->version, "1.0.0")) {
        config_warn(job->warnings, "local username `admin` is reserved; using `lima` instead");
        return FALLBACK_USER;
    }
    return name;
}

static const char *default_home(const struct config_job *job)
{
    if (is_os(job, "Darwin"))
        return "/Users/{{.User}}.guest";
    return config_version_is_older(job->in->version, "2.1.0") ? "/home/{{.User}}.linux"
                                                              : "/home/{{.User}}.guest";
}

static const char *default_shell(const struct config_job *job)
{
    if (is_os(job, "Darwin"))
        return "/bin/zsh";
    if (is_os(job, "FreeBSD"))
        return "/bin/sh";
    return is_os(job, "Windows") ? "cmd.exe" : "/bin/bash";
}

void config_default_guest(struct config_job *job)
{
    struct instance_config *config = job->config;
    const struct host_facts *host = &job->env->host;
    struct user_config *user = &config->user;

    if (is_default_word(config->os))
        mem_replace(&config->os, mem_strdup("Linux"));
    if (is_default_word(config->arch))
        mem_replace(&config->arch, mem_strdup(host->arch));
    if (!user->name)
        user->name = mem_strdup(default_user_name(job));
    set_text(&user->comment, host->uid == 0 ? "" : host->user_comment);
    set_text(&user->home, default_home(job));
    set_text(&user->shell, default_shell(job));
    set_int(&user->uid, host->uid == 0 ? ROOTLESS_UID : host->uid);
    set_bool(&user->passwordless_sudo, !is_os(job, "Darwin"));
}

static void default_file(const struct config_job *job, char **arch)
{
    if (!is_text(*arch))
        mem_replace(arch, mem_strdup(job->config->arch));
}

static void default_image(const struct config_job *job, struct image_config *image)
{
    default_file(job, &image->arch);
    if (image->kernel && !is_text(image->kernel->arch))
        mem_replace(&image->kernel->arch, mem_strdup(image->arch));
    if (image->initrd && !is_text(image->initrd->arch))
        mem_replace(&image->initrd->arch, mem_strdup(image->arch));
}

static void default_size(struct opt_size *size, char *take_value)
{
    if (is_text(size->text))
        free(take_value);
    else
        mem_replace(&size->text, take_value);
}

static void default_containerd(struct config_job *job)
{
    static const struct {
        const char *arch, *location, *digest;
    } builtin[] = {
        { "x86_64",
          "https://github.com/containerd/nerdctl/releases/download/v2.3.5/"
          "nerdctl-full-2.3.5-linux-amd64.tar.gz",
          "sha256:b697295c623639734aaab737523c808fd3cc8d3046039fd94fff1744e4c317aa" },
        { "aarch64",
          "https://github.com/containerd/nerdctl/releases/download/v2.3.5/"
          "nerdctl-full-2.3.5-linux-arm64.tar.gz",
          "sha256:6e4b687f1d138e750a3c8372abc0f81d3d7490b6359c48c0562fc7dfe98859b2" },
    };
    struct instance_config *config = job->config;
    struct containerd_config *containerd = &config->containerd;

    set_bool(&containerd->user, is_os(job, "Linux") && (str_eq(config->arch, "x86_64") ||
                                                        str_eq(config->arch, "aarch64")));
    if (containerd->archives.n == 0)
        for (size_t i = 0; i < COUNT(builtin); i++)
            *vec_push(&containerd->archives) = (struct file_config){
                .location = mem_strdup(builtin[i].location),
                .arch = mem_strdup(builtin[i].arch),
                .digest = mem_strdup(builtin[i].digest),
            };
    for (size_t i = 0; i < containerd->archives.n; i++)
        default_file(job, &containerd->archives.v[i].arch);
}

static void default_ssh(struct config_job *job)
{
    struct ssh_config *ssh = &job->config->ssh;
    const char *forced = job->env->host.ssh_over_vsock;
    bool over_vsock;

    set_int(&ssh->local_port, strcmp(job->in->name, "default") == 0 &&
                                      config_version_is_older(job->in->version, "2.0.0")
                                  ? OLD_DEFAULT_PORT
                                  : 0);
    if (forced && parse_bool(sv_of(forced), &over_vsock)) {
        config_warn(job->warnings,
                    "LIMA_SSH_OVER_VSOCK is deprecated; set `ssh.overVsock` instead");
        ssh->over_vsock = (struct opt_bool){ true, over_vsock };
    }
}

static void default_timezone(struct config_job *job)
{
    const char *zone = job->env->host.timezone;

    if (job->config->timezone)
        return;
    if (!zone)
        config_warn(job->warnings,
                    "cannot tell the time zone of the host; the guest keeps its own");
    job->config->timezone = mem_strdup(zone ? zone : "");
}

void config_default_resources(struct config_job *job)
{
    struct instance_config *config = job->config;
    const struct host_facts *host = &job->env->host;
    uint64_t half = host->memory / 2;

    for (size_t i = 0; i < config->images.n; i++)
        default_image(job, &config->images.v[i]);
    for (size_t i = 0; i < config->firmware.images.n; i++)
        default_file(job, &config->firmware.images.v[i].arch);
    if (!config->cpus.set || config->cpus.v == 0)
        config->cpus =
            (struct opt_int){ true, host->cpus < DEFAULT_CPUS ? host->cpus : DEFAULT_CPUS };
    default_size(&config->memory,
                 size_format(half && half < DEFAULT_MEMORY ? half : DEFAULT_MEMORY));
    default_size(&config->disk, mem_strdup(DEFAULT_DISK));
    if (!is_text(config->video.display))
        mem_replace(&config->video.display, mem_strdup("none"));
    default_containerd(job);
    default_ssh(job);
    default_timezone(job);
}

static bool is_mode(const struct provision_config *p, const char *mode)
{
    return str_eq(p->mode, mode);
}

static void default_provision(struct config_job *job, struct provision_config *p)
{
    bool data = is_mode(p, "data"), yq = is_mode(p, "yq");

    if (!is_text(p->mode))
        mem_replace(&p->mode, mem_strdup("system"));
    if (is_mode(p, "dependency"))
        set_bool(&p->skip_default_dependency_resolution, false);
    if (data) {
        set_text(&p->content, "");
        set_bool(&p->overwrite, true);
    }
    if (yq)
        set_text(&p->format, "auto");
    if (data || yq) {
        set_text(&p->owner,
                 is_os(job, "Darwin") || is_os(job, "FreeBSD") ? "root:wheel" : "root:root");
        set_text(&p->permissions, "644");
    }
}

static void default_probe(struct probe_config *probe, size_t i, size_t n)
{
    if (!is_text(probe->mode))
        mem_replace(&probe->mode, mem_strdup("readiness"));
    if (!is_text(probe->description))
        mem_replace(&probe->description, mem_printf("user probe %zu/%zu", i + 1, n));
}

static bool is_unset_range(const struct field_pair *range)
{
    return range->v[0] == 0 && range->v[1] == 0;
}

static void default_forward(struct forward_config *f)
{
    bool must_be_zero = f->guest_ip_must_be_zero.set && f->guest_ip_must_be_zero.v;

    if (!is_text(f->proto))
        mem_replace(&f->proto, mem_strdup("any"));
    set_text(&f->guest_ip, must_be_zero ? "0.0.0.0" : "127.0.0.1");
    set_bool(&f->guest_ip_must_be_zero, strcmp(f->guest_ip, "0.0.0.0") == 0);
    set_text(&f->host_ip, "127.0.0.1");
    if (is_unset_range(&f->guest_port_range)) {
        if (f->guest_port.v)
            f->guest_port_range = (struct field_pair){ { f->guest_port.v, f->guest_port.v } };
        else
            f->guest_port_range = (struct field_pair){ { 1, 65535 } };
    }
    if (is_unset_range(&f->host_port_range) && !is_text(f->host_socket)) {
        if (f->host_port.v)
            f->host_port_range = (struct field_pair){ { f->host_port.v, f->host_port.v } };
        else
            f->host_port_range = f->guest_port_range;
    }
}

static void default_network(struct config_job *job, struct network_config *net, size_t i)
{
    if (!is_text(net->mac_address)) {
        auto_mem char *path =
            job->in->dir ? mem_printf("%s/lima.yaml", job->in->dir) : mem_strdup(job->in->path);

        mem_replace(&net->mac_address, config_network_mac(&job->env->host, path, i));
    }
    if (!is_text(net->interface))
        mem_replace(&net->interface, mem_printf("lima%zu", i));
    set_int(&net->metric, 100);
}

static void default_mount(struct mount_config *mount)
{
    set_text(&mount->ninep.cache, mount->writable.v ? "mmap" : "fscache");
}

void config_default_lists(struct config_job *job)
{
    struct instance_config *config = job->config;

    for (size_t i = 0; i < config->provision.n; i++)
        default_provision(job, &config->provision.v[i]);
    for (size_t i = 0; i < config->probes.n; i++)
        default_probe(&config->probes.v[i], i, config->probes.n);
    for (size_t i = 0; i < config->port_forwards.n; i++)
        default_forward(&config->port_forwards.v[i]);
    for (size_t i = 0; i < config->networks.n; i++)
        default_network(job, &config->networks.v[i], i);
    for (size_t i = 0; i < config->mounts.n; i++)
        default_mount(&config->mounts.v[i]);
}

void config_apply_plain(struct config_job *job)
{
    struct instance_config *config = job->config;

    if (!config->plain.v)
        return;
    for (size_t i = config->port_forwards.n; i-- > 0;)
        if (!config->port_forwards.v[i].is_static.v) {
            schema_done(&forward_config_table, &config->port_forwards.v[i]);
            vec_remove(&config->port_forwards, i);
        }
    while (config->mounts.n)
        schema_done(&mount_config_table, &config->mounts.v[--config->mounts.n]);
    config->containerd.system.v = config->containerd.user.v = false;
    mem_replace(&config->timezone, mem_strdup(""));
}
