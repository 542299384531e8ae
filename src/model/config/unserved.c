/*
 * Settings that this version accepts, because files of Lima have them, but does not carry out. A
 * line leaves this file when the feature arrives.
 */
#include "model/config/config.h"

static bool is_text(const char *text)
{
    return text && *text;
}

static bool is_driver(const struct instance_config *config, const char *name)
{
    return str_eq(config->vm_type, name);
}

static void list_mounts(const struct instance_config *config, struct strv *out)
{
    bool is_served = is_driver(config, "qemu") || str_eq(config->mount_type, "reverse-sshfs");

    for (size_t i = 0; i < config->mounts.n && !is_served; i++)
        strv_pushf(out,
                   "mounts[%zu]: folders are not mounted by this driver yet, but by reverse-sshfs",
                   i);
    if (config->mount_inotify.v && !is_served)
        strv_push(out, "mountInotify: folders are not mounted by this driver yet");
}

static void list_devices(const struct instance_config *config, struct strv *out)
{
    if (config->tpm.v)
        strv_push(out, "tpm: there is no emulated TPM yet");
    if (config->nested_virtualization.v && !is_driver(config, "vz"))
        strv_push(out, "nestedVirtualization: only the vz driver heeds this");
}

static void list_networks(const struct instance_config *config, struct strv *out)
{
    for (size_t i = 0; i < config->networks.n; i++) {
        const struct network_config *net = &config->networks.v[i];

        if (is_text(net->lima))
            strv_pushf(out, "networks[%zu].lima: networks of networks.yaml are not served yet", i);
        else if (is_text(net->socket))
            strv_pushf(out, "networks[%zu].socket: sockets of network programs are not used yet",
                       i);
        else
            strv_pushf(out, "networks[%zu].vzNAT: only the vz driver has this network", i);
    }
}

static void list_copies(const struct instance_config *config, struct strv *out)
{
    for (size_t i = 0; i < config->copy_to_host.n; i++)
        strv_pushf(out, "copyToHost[%zu]: files are not copied to the host yet", i);
}

static void list_provision(const struct instance_config *config, struct strv *out)
{
    for (size_t i = 0; i < config->provision.n; i++) {
        const char *mode = config->provision.v[i].mode;

        if (str_eq(mode, "yq") || str_eq(mode, "ansible"))
            strv_pushf(out, "provision[%zu].mode: %s is not carried out yet", i, mode);
    }
}

void config_unserved(const struct instance_config *config, struct strv *out)
{
    list_mounts(config, out);
    list_devices(config, out);
    list_copies(config, out);
    list_networks(config, out);
    list_provision(config, out);
}
