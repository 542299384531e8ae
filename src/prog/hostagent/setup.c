#include "prog/hostagent/setup.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "model/store/disk.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/hostagent/preset.h"
#include "prog/hostagent/seed.h"
#include "svc/cidata/cidata.h"
#include "svc/privileged/block_device.h"
#include "svc/ssh/config_file.h"
#include "svc/ssh/keys.h"
#include "svc/ssh/options.h"
#include "svc/ssh/ssh_client.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/pidfile.h"
#include "sys/sock.h"

enum { YAML_SIZE_MAX = 16 * 1024 * 1024, CGROUP_SIZE_MAX = 64 * 1024 };

static bool load_config(struct setup *setup, struct err **errp)
{
    auto_config_warnings struct config_warnings warnings = { 0 };
    auto_mem char *path = path_join(setup->dir, NAME_LIMA_YAML);
    auto_mem char *version = inst_dir_creator(setup->dir);
    auto_sb struct sb text = { 0 };
    struct config_input input = {
        .name = setup->options->name, .dir = setup->dir, .path = path, .version = version
    };

    if (!file_read_all(path, YAML_SIZE_MAX, &text, errp))
        return false;
    input.text = sb_view(&text);
    if (!config_load(&setup->config, &setup->store.env, &input, &warnings, errp) ||
        !config_check(&setup->config, &setup->store.env, errp))
        return false;
    for (size_t i = 0; i < warnings.n; i++)
        log_debug("%s", warnings.v[i].text);
    setup->ssh_port =
        preset_ssh_port(setup->options->name, setup->config.ssh.local_port.v, version);
    return true;
}

static void warn_of_unserved(const struct setup *setup)
{
    auto_strv struct strv unserved = { 0 };
    auto_mem char *list = NULL;

    config_unserved(&setup->config, &unserved);
    if (unserved.n == 0)
        return;
    list = strv_join(&unserved, "; ");
    log_warn("Settings that this version does not carry out yet: %s", list);
}

/* Adopting keeps the port QEMU was started with. */
static bool choose_port(struct setup *setup, const char *config_path, struct err **errp)
{
    if (setup->is_adopting) {
        if (ssh_config_read_port(config_path, &setup->ssh_port, errp))
            return true;
        (void)err_wrap(errp, "the virtual machine runs already, but its ssh port is unknown");
        return err_hint(errp, "end it with \"limactl stop --force %s\"", setup->options->name);
    }
    if (setup->ssh_port == 0)
        return sock_tcp_free_port(&setup->ssh_port, errp);
    if (!sock_tcp_is_free(SSH_ADDRESS, setup->ssh_port)) {
        (void)err_set(errp, ERR_BUSY, "port %u of ssh.localPort is in use on %s", setup->ssh_port,
                      SSH_ADDRESS);
        return err_hint(errp, "set another one with \"limactl edit --ssh-port\", or 0 for any");
    }
    return true;
}

static bool prepare_ssh(struct setup *setup, struct err **errp)
{
    auto_mem char *config_dir = store_path(&setup->store, NAME_CONFIG_DIR);
    auto_mem char *config_path = path_join(setup->dir, NAME_SSH_CONFIG);
    auto_ssh_client struct ssh_client client = { 0 };
    auto_strv struct strv identities = { 0 };
    const struct instance_config *config = &setup->config;
    struct ssh_params params = {
        .identities = &identities,
        .user = config->user.name,
        .inst_dir = setup->dir,
        .forward_agent = config->ssh.forward_agent.v && !config->plain.v,
        .forward_x11 = config->ssh.forward_x11.v,
        .forward_x11_trusted = config->ssh.forward_x11_trusted.v,
    };

    strv_push(&setup->ssh_program, "ssh");
    return ssh_keys_ensure(config_dir, errp) && ssh_client_probe(&client, errp) &&
           ssh_keys_identities(config_dir,
                               config->ssh.load_dot_ssh_pub_keys.v ? setup->store.env.host.user_home
                                                                   : NULL,
                               &identities, errp) &&
           ssh_options(&client, &params, &setup->ssh_options, errp) &&
           choose_port(setup, config_path, errp) &&
           ssh_config_write(config_path, setup->options->name, setup->hostname, &setup->ssh_options,
                            SSH_ADDRESS, setup->ssh_port, errp);
}

struct guest_ssh setup_guest_ssh(const struct setup *setup)
{
    return (struct guest_ssh){ .program = &setup->ssh_program,
                               .options = &setup->ssh_options,
                               .address = SSH_ADDRESS,
                               .port = setup->ssh_port };
}

static bool attach_disks(struct setup *setup, struct err **errp)
{
    for (size_t i = 0; i < setup->config.additional_disks.n; i++) {
        const char *name = setup->config.additional_disks.v[i].name;
        auto_disk struct disk disk = { 0 };
        struct driver_disk *attached;

        if (!disk_find(&disk, &setup->store, name, errp) || !disk_lock(&disk, setup->dir, errp))
            return err_wrap(errp, "additional disk \"%s\"", name);
        attached = vec_push(&setup->disks);
        attached->name = mem_strdup(name);
        attached->path = mem_strdup(disk.data_path);
    }
    return true;
}

void setup_unlock_disks(struct setup *setup)
{
    auto_err struct err *err = NULL;

    if (!disk_unlock_all(&setup->store, setup->dir, &err))
        log_warn("Not everything could be cleaned up: %s", err_text(err));
}

static bool open_block_devices(struct setup *setup, struct err **errp)
{
    for (size_t i = 0; i < setup->config.block_devices.n; i++) {
        const char *path = setup->config.block_devices.v[i];
        struct driver_block_device *device;
        int fd;

        if (!block_device_open(path, setup->dir, &fd, errp))
            return err_wrap(errp, "field `blockDevices[%zu]`", i);
        device = vec_push(&setup->block_devices);
        device->path = mem_strdup(path);
        device->serial = block_device_serial(path);
        device->fd = fd;
    }
    return true;
}

void setup_close_block_devices(struct setup *setup)
{
    for (size_t i = 0; i < setup->block_devices.n; i++)
        if (setup->block_devices.v[i].fd >= 0)
            (void)close(MOVE_FD(setup->block_devices.v[i].fd));
}

static void choose_forwarder(struct setup *setup)
{
    const char *value = getenv("LIMA_SSH_PORT_FORWARDER");

    if (value && *value && !parse_bool(sv_of(value), &setup->forwards_over_ssh))
        log_warn("LIMA_SSH_PORT_FORWARDER=%s is neither true nor false, ssh is not used", value);
}

static void find_autostart_unit(struct setup *setup)
{
    auto_mem char *cgroup = NULL;

    if (file_read_text("/proc/self/cgroup", CGROUP_SIZE_MAX, &cgroup, NULL))
        setup->auto_started_identifier = preset_autostart_unit(cgroup);
}

bool setup_prepare(struct setup *setup, const struct options *options, struct err **errp)
{
    setup->options = options;
    if (!store_open(&setup->store, errp))
        return false;
    setup->dir = inst_dir(&setup->store, options->name);
    setup->hostname = inst_hostname(options->name);
    setup->cache_dir = store_cache_dir(&setup->store);
    if (!load_config(setup, errp))
        return false;
    setup->driver_type = driver_type_find(setup->config.vm_type, errp);
    if (!setup->driver_type)
        return false;
    warn_of_unserved(setup);
    choose_forwarder(setup);
    setup->resolv_conf_path = getenv("CLIMA_RESOLV_CONF");
    find_autostart_unit(setup);
    setup->mac = config_primary_mac(&setup->store.env.host, setup->dir);

    setup->pid_path = path_join(setup->dir, setup->driver_type->pid_name);
    setup->is_adopting = (setup->driver_type->caps & DRIVER_CAP_ADOPT) &&
                         pidfile_probe(setup->pid_path, NULL) == PIDFILE_LIVE;
    if (!setup->is_adopting)
        setup_unlock_disks(setup); /* of a run that was cut short */
    if (!prepare_ssh(setup, errp) || !attach_disks(setup, errp))
        return false;
    if (setup->is_adopting)
        return true; /* the guest has its seed, and its block devices */
    if (!open_block_devices(setup, errp))
        return false;
    setup->iid = cidata_iid(host_realtime_ns() / 1000000000);
    return seed_write(setup, errp);
}

void setup_done(struct setup *setup)
{
    for (size_t i = 0; i < setup->disks.n; i++) {
        free((char *)setup->disks.v[i].name);
        free((char *)setup->disks.v[i].path);
    }
    vec_done(&setup->disks);
    setup_close_block_devices(setup);
    for (size_t i = 0; i < setup->block_devices.n; i++) {
        free((char *)setup->block_devices.v[i].path);
        free((char *)setup->block_devices.v[i].serial);
    }
    vec_done(&setup->block_devices);
    config_done(&setup->config);
    store_done(&setup->store);
    strv_done(&setup->ssh_program);
    strv_done(&setup->ssh_options);
    free(setup->dir);
    free(setup->hostname);
    free(setup->cache_dir);
    free(setup->pid_path);
    free(setup->iid);
    free(setup->mac);
    free(setup->auto_started_identifier);
}
