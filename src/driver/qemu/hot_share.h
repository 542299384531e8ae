/*
 * Folders of a running QEMU: what driver/hot_share.h promises.
 *
 * QEMU cannot be given a folder at run time, only a device that serves one it was started with. So
 * it is started with two for each spare port, for reading and for writing, whose path is a link in
 * the instance directory; the link is pointed at the folder before the device is plugged in, and
 * QEMU opens it then. The id of the device is the tag.
 *
 *     query-pci: which port is free -> the link -> device_add
 *
 * The same ports serve disks that come later, which take the first that is free; folders take the
 * last.
 */
#ifndef DRIVER_QEMU_HOT_SHARE_H
#define DRIVER_QEMU_HOT_SHARE_H

#include "driver/hot_share.h"

struct hot_shares;
struct qmp_client;

/* dir, of the instance, is borrowed. */
struct hot_shares *hot_shares_open(const char *dir);
/* No callback follows. The QMP connection is closed before. NULL is allowed. */
void hot_shares_close(struct hot_shares *h);

/* Those that are asked for wait for each other. */
void hot_shares_attach(struct hot_shares *h, struct qmp_client *qmp,
                       const struct driver_hot_share *share, driver_share_fn on_done, void *arg);
bool hot_share_detach(struct qmp_client *qmp, const char *tag, struct err **errp) MUST_USE;

#endif
