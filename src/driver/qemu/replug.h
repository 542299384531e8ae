/*
 * Gives a running QEMU a new device process in place of one that died: each device is unplugged, in
 * which the guest takes part, and plugged in again over a new connection. QEMU cannot reconnect
 * such a device by itself.
 *
 *     for each device:  device_del -> the event DEVICE_DELETED -> chardev-remove -> getfd ->
 *                       chardev-add -> device_add
 *
 * A guest that waits for a file never lets go of that device; a guest that has no hot plug, of
 * none.
 */
#ifndef DRIVER_QEMU_REPLUG_H
#define DRIVER_QEMU_REPLUG_H

#include <jansson.h>

#include "base/err.h"
#include "driver/qemu/served.h"

struct qmp_client;
struct replug;
struct uv_loop_s;

/* is_plugged says which devices work again; err why the first of the others does not, or NULL.
 * Called once, maybe from inside replug_open(). */
typedef void (*replug_done_fn)(void *arg, const bool is_plugged[QEMU_SERVED_COUNT],
                               const struct err *err);

/* take_fds are connections to the new process; -1 = the machine has no such device. qmp is
 * borrowed, ready, and closed before replug_close(). */
struct replug *replug_open(struct uv_loop_s *loop, struct qmp_client *qmp,
                           const int take_fds[QEMU_SERVED_COUNT], replug_done_fn on_done,
                           void *arg);
void replug_event(struct replug *r, const char *name, const json_t *data);
/* NULL is allowed. */
void replug_close(struct replug *r);

#endif
