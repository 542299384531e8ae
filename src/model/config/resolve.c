/*
 * The driver and the settings that follow from it (reference: config sections 2.4, 2.5 and 18.2,
 * the default mount type with the difference of our own design). "--fill" does not show them.
 */
#include "model/config/config_priv.h"

#include "base/mem.h"
#include "base/quote.h"
#include "lang/yaml/node.h"

#define QEMU_QUEUE_SIZE 1024

static bool is_text(const char *text)
{
    return text && *text;
}

static const char *default_vm_type(const struct config_job *job)
{
    bool mac = strcmp(job->env->host.os, "darwin") == 0;

    return mac && str_eq(job->config->arch, job->env->host.arch) ? "vz" : "qemu";
}

/* The first of these that the guest's kernel has. */
static const char *default_qemu_mount_type(const struct config_job *job)
{
    const struct strv *unsupported = &job->config->mount_types_unsupported;
    const char *os = job->env->host.os;

    if (strcmp(os, "windows") == 0 || config_version_is_older(job->in->version, "1.0.0"))
        return "reverse-sshfs";
    if (strcmp(os, "linux") == 0 && !strv_has(unsupported, "virtiofs"))
        return "virtiofs";
    return strv_has(unsupported, "9p") ? "reverse-sshfs" : "9p";
}

static const char *default_mount_type(const struct config_job *job)
{
    const char *vm_type = job->config->vm_type;

    if (strcmp(vm_type, "qemu") == 0)
        return default_qemu_mount_type(job);
    if (strcmp(vm_type, "vz") == 0 || strcmp(vm_type, "krunkit") == 0)
        return "virtiofs";
    return strcmp(vm_type, "wsl2") == 0 ? "wsl2" : NULL;
}

static void resolve_mount_type(struct config_job *job)
{
    struct instance_config *config = job->config;

    if (is_text(config->mount_type) && strcmp(config->mount_type, "default") != 0)
        return;
    mem_replace(&config->mount_type, mem_strdup(default_mount_type(job)));
}

static struct yaml_node *sub_map(struct yaml_doc *doc, struct yaml_node *map, const char *key)
{
    struct yaml_node *node = yaml_get(map, key);

    if (!node || node->kind != YAML_MAP) {
        node = yaml_new_map(doc);
        yaml_set(doc, map, sv_of(key), node);
    }
    return node;
}

static struct yaml_doc *vm_opts(struct instance_config *config)
{
    if (!config->vm_opts.doc) {
        config->vm_opts.doc = yaml_doc_new();
        config->vm_opts.doc->root = yaml_new_map(config->vm_opts.doc);
    }
    return config->vm_opts.doc;
}

static void move_cpu_type(struct config_job *job, struct yaml_doc *doc, struct yaml_node *types,
                          const struct field_map_entry *entry)
{
    struct yaml_node *node = yaml_get(types, entry->key);
    auto_mem char *text = NULL;

    if (!node || !yaml_as_text(node, &text) || !*text) {
        yaml_set(doc, types, sv_of(entry->key), yaml_new_str(doc, sv_of(entry->value)));
        return;
    }
    if (strcmp(text, entry->value) != 0)
        config_warn(job->warnings,
                    "Conflicting cpuType for arch `%s`: top-level=`%s`, vmOpts.qemu=`%s`; using "
                    "vmOpts.qemu value",
                    entry->key, entry->value, text);
}

/* Top-level cpuType -> vmOpts.qemu.cpuType. */
static void migrate_cpu_type(struct config_job *job)
{
    struct instance_config *config = job->config;
    struct yaml_doc *doc;
    struct yaml_node *types;

    if (config->cpu_type.n == 0)
        return;
    config_warn(job->warnings,
                "The top-level `cpuType` field is deprecated and will be removed in a "
                "future release. Please migrate to `vmOpts.qemu.cpuType`.");
    doc = vm_opts(config);
    types = sub_map(doc, sub_map(doc, doc->root, "qemu"), "cpuType");
    for (size_t i = 0; i < config->cpu_type.n; i++)
        if (is_text(config->cpu_type.v[i].value))
            move_cpu_type(job, doc, types, &config->cpu_type.v[i]);
}

static void set_rosetta(struct yaml_doc *doc, struct yaml_node *rosetta, const char *key,
                        struct opt_bool value)
{
    if (value.set)
        yaml_set(doc, rosetta, sv_of(key), yaml_new_bool(doc, value.v));
}

/* Top-level rosetta -> vmOpts.vz.rosetta, unless that is set. */
static void migrate_rosetta(struct config_job *job)
{
    struct instance_config *config = job->config;
    const struct rosetta_config *top = &config->rosetta;
    struct yaml_doc *doc;
    struct yaml_node *rosetta;

    if (!top->enabled.set && !top->binfmt.set)
        return;
    doc = vm_opts(config);
    rosetta = sub_map(doc, sub_map(doc, doc->root, "vz"), "rosetta");
    if (yaml_get(rosetta, "enabled") || yaml_get(rosetta, "binfmt")) {
        config_warn(job->warnings,
                    "the top-level `rosetta` is ignored: `vmOpts.vz.rosetta` is set");
        return;
    }
    set_rosetta(doc, rosetta, "enabled", top->enabled);
    set_rosetta(doc, rosetta, "binfmt", top->binfmt);
}

static void resolve_qemu(struct config_job *job)
{
    struct instance_config *config = job->config;

    if (!is_text(config->video.vnc.display))
        mem_replace(&config->video.vnc.display, mem_strdup("127.0.0.1:0,to=9"));
    if (str_eq(config->mount_type, "virtiofs"))
        for (size_t i = 0; i < config->mounts.n; i++)
            if (!config->mounts.v[i].virtiofs.queue_size.set)
                config->mounts.v[i].virtiofs.queue_size = (struct opt_int){ true, QEMU_QUEUE_SIZE };
    migrate_cpu_type(job);
}

static void resolve_vz(struct config_job *job)
{
    struct instance_config *config = job->config;

    if (!config->ssh.over_vsock.set)
        config->ssh.over_vsock = (struct opt_bool){ true, strcmp(config->os, "Linux") == 0 };
    migrate_rosetta(job);
}

static bool is_known_vm_type(const char *vm_type)
{
    for (const char *const *known = config_vm_types; *known; known++)
        if (strcmp(*known, vm_type) == 0)
            return true;
    return strcmp(vm_type, "null") == 0;
}

bool config_resolve(struct config_job *job, struct err **errp)
{
    struct instance_config *config = job->config;

    if (!is_text(config->vm_type))
        mem_replace(&config->vm_type, mem_strdup(default_vm_type(job)));
    if (!is_known_vm_type(config->vm_type)) {
        auto_mem char *quoted = quote_tick_dup(config->vm_type);

        return err_set(errp, ERR_INVALID, "vmType %s is not a registered driver", quoted);
    }
    resolve_mount_type(job);
    if (strcmp(config->vm_type, "qemu") == 0)
        resolve_qemu(job);
    else if (strcmp(config->vm_type, "vz") == 0)
        resolve_vz(job);
    return true;
}
