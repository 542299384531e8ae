/*
 * The devices of a QEMU that our process `devices` serves. It may die while the machine runs; new
 * ones are plugged in then, which is why each sits behind a port of its own.
 */
#ifndef DRIVER_QEMU_SERVED_H
#define DRIVER_QEMU_SERVED_H

enum qemu_served {
    QEMU_SERVED_STREAMS, /* vsock */
    QEMU_SERVED_FILES,   /* the folders of the host */
    QEMU_SERVED_COUNT,
};

struct qemu_served_device {
    const char *id, *chardev;
    const char *options; /* what follows -device */
};
extern const struct qemu_served_device qemu_served_devices[QEMU_SERVED_COUNT];

#endif
