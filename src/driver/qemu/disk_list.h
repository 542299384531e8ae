/*
 * Which disks a running QEMU has, read from its answers to QMP queries. Pure.
 *
 * A disk that this program can tell is a virtio-blk device with an id of ours (files.h). A block
 * device of the host lies behind a set of descriptors whose text is "ID:PATH"; an image file is
 * known by its name.
 */
#ifndef DRIVER_QEMU_DISK_LIST_H
#define DRIVER_QEMU_DISK_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct qemu_attached {
    char *id;   /* of the device and of the node behind it */
    char *path; /* "" when QEMU does not tell */
    bool is_block_device;
};
struct qemu_attached_list {
    struct qemu_attached *v;
    size_t n, cap;
};

/* From "query-block" and "query-fdsets", appended to *out. */
void qemu_disk_list(const json_t *blocks, const json_t *sets, struct qemu_attached_list *out);
void qemu_attached_list_done(struct qemu_attached_list *list);
#define auto_qemu_attached_list AUTO_CALL(qemu_attached_list_done)

/* Did it come while the machine ran? */
bool qemu_disk_is_hot(const char *id);

/* The set of descriptors of a device; false when there is none. */
bool qemu_disk_set(const json_t *sets, const char *id, int64_t *out_set);

/* A port, of those for what is plugged in later, that "query-pci" shows empty and no disk of the
 * list has. ERR_UNSUPPORTED when the machine has no such port, ERR_BUSY when all are taken. */
bool qemu_disk_free_port(const json_t *buses, const struct qemu_attached_list *disks,
                         unsigned *out_port, struct err **errp) MUST_USE;
/* The same for a folder: the last of them that is empty. */
bool qemu_share_free_port(const json_t *buses, unsigned *out_port, struct err **errp) MUST_USE;

#endif
