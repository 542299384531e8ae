/*
 * What is used on this host for guests of an architecture: the QEMU binary, its abilities, and the
 * accelerator, with the reason when it is not the best one.
 */
#ifndef DRIVER_QEMU_HOST_H
#define DRIVER_QEMU_HOST_H

#include "base/err.h"
#include "driver/qemu/accel.h"
#include "driver/qemu/arch.h"
#include "driver/qemu/exe.h"
#include "driver/qemu/features.h"
#include "driver/qemu/firmware.h"

struct qemu_host {
    const struct qemu_arch *arch;
    struct qemu_exe exe;
    struct qemu_features features;
    bool native; /* guests of the host's own architecture */
    enum qemu_accel accel;
    char *emulation_reason; /* why emulation although native; else NULL */
    char *emulation_remedy; /* may be NULL */
};

/* forced is "kvm", "tcg", or NULL for the best that works. cache_dir may be NULL. A verdict that is
 * not in the cache costs a start of QEMU, or several. */
bool qemu_host_examine(const char *arch, const char *cache_dir, const char *forced,
                       struct qemu_host *out, struct err **errp) MUST_USE;
/* The host's firmware for the architecture; see qemu_firmware_find(). */
bool qemu_host_firmware(const struct qemu_host *host, struct qemu_firmware *out,
                        struct err **errp) MUST_USE;
void qemu_host_done(struct qemu_host *host);
#define auto_qemu_host AUTO_CALL(qemu_host_done)

#endif
