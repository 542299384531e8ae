/*
 * Whether the guest uses a disk: has it or a part of it mounted, swaps to it, or has built another
 * device on it. Asked over ssh, once.
 */
#ifndef PROG_HOSTAGENT_DISK_USE_H
#define PROG_HOSTAGENT_DISK_USE_H

#include "prog/hostagent/ssh_task.h"

/* The guest has the disk as /dev/disk/by-id/virtio-SERIAL. on_end is told an error that says what
 * uses it, or why the guest cannot be asked. */
struct ssh_task *disk_use_ask(const struct ssh_task_params *params, const char *serial,
                              struct err **errp);

#endif
