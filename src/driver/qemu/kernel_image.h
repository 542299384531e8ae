/*
 * The version of a Linux kernel from its image, as far as the format tells (x86 boot protocol 2.00
 * and later, Documentation/arch/x86/boot.rst of Linux).
 */
#ifndef DRIVER_QEMU_KERNEL_IMAGE_H
#define DRIVER_QEMU_KERNEL_IMAGE_H

#include <stdbool.h>

#include "base/semver.h"
#include "base/sv.h"

/* The string lies in the set-up code, at most this far into the file. */
enum { KERNEL_IMAGE_HEAD_SIZE = 64 * 1024 };

/* head is the beginning of the file. False when the version is not told. */
bool kernel_image_version(struct sv head, struct semver *out);

#endif
