/*
 * Hardware virtualization or emulation? That /dev/kvm exists, opens and creates a machine proves
 * little: on some nested hosts firmware runs and a kernel then hangs. So a tiny guest is really
 * run, with a deadline (qemu_accel_try). cache.h keeps the verdict.
 */
#ifndef DRIVER_QEMU_ACCEL_H
#define DRIVER_QEMU_ACCEL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/sv.h"
#include "driver/qemu/arch.h"

enum qemu_accel { QEMU_ACCEL_TCG, QEMU_ACCEL_KVM, QEMU_ACCEL_COUNT };
extern const char *const qemu_accel_names[QEMU_ACCEL_COUNT]; /* "tcg", "kvm" */

/* Can /dev/kvm be used at all? Cheap. ERR_NOT_FOUND when the device is missing; the hint says what
 * to do. path is "/dev/kvm" except in tests. */
bool qemu_accel_check_device(const char *path, struct err **errp) MUST_USE;

/* Runs the tiny guest with the given QEMU words. Fails with ERR_TIMEOUT when it hangs, with
 * ERR_CHILD when QEMU refuses, with ERR_UNSUPPORTED when there is no such guest for the
 * architecture. */
bool qemu_accel_try(const struct strv *words, const struct qemu_arch *arch, enum qemu_accel accel,
                    struct err **errp) MUST_USE;

/* The guest's bytes; NULL view for architectures without one. */
struct sv qemu_accel_guest(const struct qemu_arch *arch);

#endif
