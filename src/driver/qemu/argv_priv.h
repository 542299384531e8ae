/*
 * The parts of the command line, and how they add words. Values come from a printf format; paths go
 * through argv_escape(), because QEMU splits values at commas.
 */
#ifndef DRIVER_QEMU_ARGV_PRIV_H
#define DRIVER_QEMU_ARGV_PRIV_H

#include "driver/qemu/argv.h"
#include "driver/qemu/served.h"

struct argv {
    const struct qemu_machine *m;
    struct strv *out;
};

/* Adds an option with its value. */
void argv_put(struct argv *a, const char *option, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same for an option that occurs once: not if the user has given it. */
void argv_put_single(struct argv *a, const char *option, const char *fmt, ...) PRINTF_LIKE(3, 4);

char *argv_escape(const char *value); /* owned */
char *argv_path(const struct argv *a,
                const char *name); /* escaped path in the instance directory */
/* "pci" or "ccw", the end of a virtio device's name. */
const char *argv_virtio_bus(const struct argv *a);

/* A device of `devices`, and its connection. */
void argv_put_served(struct argv *a, enum qemu_served which, int fd);
void argv_put_disks(struct argv *a);   /* argv_disk.c: boot disk, ISO, additional disks, seed */
void argv_put_network(struct argv *a); /* argv_net.c */
void argv_put_links(struct argv *a);   /* argv_net.c: root ports, vsock, virtio-serial, QMP */
void argv_put_files(struct argv *a);   /* argv_files.c: folders of the host */

#endif
