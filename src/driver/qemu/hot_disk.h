/*
 * Disks of a running QEMU, through its QMP connection: what driver/hot_disk.h promises. Questions
 * wait for each other; the first is under way.
 *
 *     open -> talk(client) -> ... attach, detach, list, event ... -> talk(NULL) -> close
 *
 * Questions before talk() wait for it. When the connection is lost all are answered with an error,
 * and no more may be asked.
 */
#ifndef DRIVER_QEMU_HOT_DISK_H
#define DRIVER_QEMU_HOT_DISK_H

#include <jansson.h>

#include "driver/hot_disk.h"

struct hot_disks;
struct qmp_client;
struct uv_loop_s;

/* How long a guest has to let a disk go; 0 = the usual time. */
struct hot_disks *hot_disks_open(struct uv_loop_s *loop, uint64_t deadline_ms);
/* No callback follows. NULL is allowed. */
void hot_disks_close(struct hot_disks *h);

/* The connection, borrowed until the next call; NULL when it is lost. */
void hot_disks_talk(struct hot_disks *h, struct qmp_client *qmp);
/* Any event of QEMU. */
void hot_disks_event(struct hot_disks *h, const char *name, const json_t *data);

/* format is that of an image file, NULL for a block device. */
void hot_disks_attach(struct hot_disks *h, const struct driver_hot_disk *disk, const char *format,
                      driver_done_fn on_done, void *arg);
void hot_disks_detach(struct hot_disks *h, const char *path, driver_done_fn on_done, void *arg);
void hot_disks_list(struct hot_disks *h, driver_disks_fn on_disks, void *arg);

#endif
