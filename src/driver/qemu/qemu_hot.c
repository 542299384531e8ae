/* Disks and folders that come and go while QEMU runs. */
#include "driver/qemu/qemu_priv.h"

#include "driver/qemu/disk.h"
#include "driver/qemu/hot_disk.h"
#include "driver/qemu/hot_share.h"

static bool qemu_has_control(const struct qemu *q, struct err **errp)
{
    return q->qmp || err_set(errp, ERR_NOT_FOUND, "the connection to QEMU is lost");
}

bool qemu_attach_disk(struct driver *d, const struct driver_hot_disk *disk, driver_done_fn on_done,
                      void *arg, struct err **errp)
{
    struct qemu *q = qemu_of(d);
    auto_fd int fd = disk->take_fd;
    auto_qemu_disk struct qemu_disk image = { 0 };
    struct driver_hot_disk taken = *disk;

    if (!qemu_has_control(q, errp) ||
        (fd < 0 && !qemu_disk_examine(disk->path, d->params.inst.dir, &image, errp)))
        return false;
    taken.take_fd = MOVE_FD(fd);
    hot_disks_attach(q->disks, &taken, image.format, on_done, arg);
    return true;
}

bool qemu_detach_disk(struct driver *d, const char *path, driver_done_fn on_done, void *arg,
                      struct err **errp)
{
    struct qemu *q = qemu_of(d);

    if (!qemu_has_control(q, errp))
        return false;
    hot_disks_detach(q->disks, path, on_done, arg);
    return true;
}

bool qemu_list_disks(struct driver *d, driver_disks_fn on_disks, void *arg, struct err **errp)
{
    struct qemu *q = qemu_of(d);

    if (!qemu_has_control(q, errp))
        return false;
    hot_disks_list(q->disks, on_disks, arg);
    return true;
}

bool qemu_attach_share(struct driver *d, const struct driver_hot_share *share,
                       driver_share_fn on_done, void *arg, struct err **errp)
{
    struct qemu *q = qemu_of(d);

    if (!qemu_has_control(q, errp))
        return false;
    hot_shares_attach(q->shares, q->qmp, share, on_done, arg);
    return true;
}

bool qemu_detach_share(struct driver *d, const char *tag, struct err **errp)
{
    struct qemu *q = qemu_of(d);

    return qemu_has_control(q, errp) && hot_share_detach(q->qmp, tag, errp);
}
