/*
 * Mounts by 9p, which QEMU serves: devices that the driver plugs in. Those of the configuration are
 * there from the start, nothing is done for them.
 */
#include "base/log.h"
#include "base/mem.h"
#include "driver/hot_share.h"
#include "prog/hostagent/mounts_priv.h"

/* As the configuration has them by default. */
#define OPTIONS "trans=virtio,version=9p2000.L,msize=131072,cache=mmap"

/* A question to the driver, until it is answered; there is no taking it back. */
struct attachment {
    struct mount *mount;   /* borrowed; NULL: it has gone meanwhile */
    struct driver *driver; /* borrowed */
    char *tag;
};

static void detach(struct driver *driver, const char *tag)
{
    auto_err struct err *err = NULL;

    if (!driver_detach_share(driver, tag, &err))
        log_debug("%s stays a device: %s", tag, err_text(err));
}

static void free_attachment(struct attachment *a)
{
    free(a->tag);
    free(a);
}

static void attached(void *arg, const struct err *err)
{
    struct attachment *a = arg;
    struct mount *mount = a->mount;

    if (!mount && !err)
        detach(a->driver, a->tag);
    free_attachment(a);
    if (!mount)
        return;
    mount->attachment = NULL;
    /* The host agent before this one has attached it. */
    if (err && (err_kind(err) != ERR_EXISTS || mount->on_done))
        mount_fail(mount, err);
    else
        mount_ready(mount);
}

static void begin(struct mount *mount)
{
    struct driver *driver = mount->owner->params.driver;
    const struct driver_hot_share share = { .path = mount->location,
                                            .tag = mount->name,
                                            .is_read_only = !mount->writable };
    auto_err struct err *err = NULL;

    mount->attachment = mem_new(struct attachment);
    mount->attachment->mount = mount;
    mount->attachment->driver = driver;
    mount->attachment->tag = mem_strdup(mount->name);
    if (driver_attach_share(driver, &share, attached, mount->attachment, &err))
        return;
    free_attachment(MOVE(mount->attachment));
    mount_fail(mount, err);
}

static void release(struct mount *mount)
{
    detach(mount->owner->params.driver, mount->name);
}

static void forget(struct mount *mount)
{
    if (mount->attachment)
        mount->attachment->mount = NULL;
    mount->attachment = NULL;
}

const struct mount_type mount_9p = {
    .name = "9p",
    .lost_why = "the link to the guest is lost",
    .agent_options = OPTIONS,
    .begin = begin,
    .release = release,
    .close = forget,
};
