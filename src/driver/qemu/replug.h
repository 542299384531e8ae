/*
 * Gives a running QEMU a new device process in place of one that died: each device is unplugged, in
 * which the guest takes part, and plugged in again over a new connection. QEMU cannot reconnect
 * such a device by itself.
 *
 *     for each device:  device_del -> the event DEVICE_DELETED -> chardev-remove -> getfd ->
 *                       chardev-add -> device_add -> (vsock) the guest's driver is ready
 *
 * A guest that waits for a file never lets go of the file system device, and then neither plugs nor
 * unplugs anything else. So that one comes last, and not before the guest has taken the other in.
 * A guest that has no hot plug lets go of none.
 */
#ifndef DRIVER_QEMU_REPLUG_H
#define DRIVER_QEMU_REPLUG_H

#include <jansson.h>

#include "base/err.h"
#include "driver/qemu/served.h"

struct qmp_client;
struct replug;
struct uv_loop_s;

/* From the loop or from inside replug_open(). */
struct replug_events {
    /* It is plugged in; err, borrowed: it is not. Once for each device that the machine has. */
    void (*on_device)(void *arg, enum qemu_served device, const struct err *err);
    void (*on_done)(void *arg); /* once, at the end */
};

struct replug_params {
    struct uv_loop_s *loop;
    struct qmp_client *qmp;          /* borrowed, ready, and closed before replug_close() */
    const char *control_path;        /* borrowed; of the new process */
    int take_fds[QEMU_SERVED_COUNT]; /* connections to it; -1 = the machine has no such device */
    const struct replug_events *events;
    void *arg;
};

struct replug *replug_open(const struct replug_params *params);
/* The event DEVICE_DELETED of a device; false when this is not why it came. */
bool replug_device_deleted(struct replug *r, const char *id);
/* NULL is allowed. */
void replug_close(struct replug *r);

#endif
