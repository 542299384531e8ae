/*
 * Mounts over the file system device: exported by `exporter`, handed to `devices`, and mounted by
 * the guest: at boot as its seed says, later by its agent.
 */
#include "base/log.h"
#include "prog/hostagent/exporter.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/mounts_priv.h"
#include "svc/devices/devices_client.h"
#include "sys/dir.h"
#include "sys/file.h"

static void unexport(struct mount *mount)
{
    struct devices_client *devices = guest_link_devices(mount->owner->guest);

    if (devices && mount->is_forced)
        devices_client_detach(devices, mount->name);
    else if (devices)
        devices_client_unexport(devices, mount->name, NULL, NULL);
}

static void handed_over(void *arg, const struct err *err)
{
    struct mount *mount = arg;
    struct mounts *m = mount->owner;

    if (mount->state != MOUNT_HANDING)
        return; /* detached meanwhile */
    /* The host agent before this one has shared it. */
    if (err && (err_kind(err) != ERR_EXISTS || mount->on_done)) {
        mount_fail(mount, err);
        return;
    }
    log_debug("%s is shared with the guest as %s", mount->location, mount->name);
    if (mount->is_configured && !m->is_renewed && !m->is_booted)
        mount_up(mount);
    else
        mount_ready(mount);
}

static uint32_t flags_of(const struct mount *mount)
{
    /* Those of a single file happen in its folder, which is not shared. */
    bool tells_changes = mount->owner->tells_changes && !file_is_regular(mount->location);
    const struct virtiofs_config *config = mount->config ? &mount->config->virtiofs : NULL;
    uint32_t flags = (mount->writable ? 0 : DEVCTL_EXPORT_READ_ONLY) |
                     (tells_changes ? DEVCTL_EXPORT_TELL_CHANGES : 0);

    if (!config)
        return flags;
    if (str_eq(config->ownership, "mapped"))
        flags |= DEVCTL_EXPORT_KEEP_OWNERS;
    if (str_eq(config->cache, "always"))
        flags |= DEVCTL_EXPORT_CACHE_ALWAYS;
    else if (str_eq(config->cache, "never"))
        flags |= DEVCTL_EXPORT_CACHE_NEVER;
    return flags;
}

static void exported(void *arg, int take_fd, const struct err *err)
{
    struct mount *mount = arg;
    struct mounts *m = mount->owner;
    const struct devices_export export = {
        .name = mount->name,
        .flags = flags_of(mount),
        .uid = m->guest_uid,
        .gid = m->guest_uid,
    };

    exporter_close(MOVE(mount->exporter));
    if (err) {
        mount_fail(mount, err);
        return;
    }
    mount->state = MOUNT_HANDING;
    devices_client_export(guest_link_devices(m->guest), &export, take_fd, handed_over, mount);
}

static void begin(struct mount *mount)
{
    struct mounts *m = mount->owner;
    auto_err struct err *err = NULL;

    if (!guest_link_devices(m->guest)) {
        (void)err_set(&err, ERR_UNSUPPORTED, "there is no link to a file system device");
        (void)err_hint(&err, "choose another mountType");
    } else if (!mount->is_configured || file_is_regular(mount->location) ||
               dir_make_all(mount->location, 0755, &err)) {
        mount->exporter = exporter_open(m->params.loop, m->exporter, mount->location,
                                        !mount->writable, exported, mount, &err);
    }
    if (!mount->exporter)
        mount_fail(mount, err);
}

static void close_exporter(struct mount *mount)
{
    exporter_close(MOVE(mount->exporter));
}

const struct mount_type mount_virtiofs = {
    .name = "virtiofs",
    .lost_why = "the devices process has ended",
    .agent_options = "",
    .begin = begin,
    .release = unexport,
    .close = close_exporter,
};
