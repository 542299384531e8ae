/*
 * From an instance to struct qemu_machine: reads the configuration, looks at the files in the
 * instance directory and at the host.
 */
#ifndef DRIVER_QEMU_PREPARE_H
#define DRIVER_QEMU_PREPARE_H

#include "driver/driver.h"
#include "driver/qemu/argv.h"
#include "driver/qemu/host.h"
#include "driver/qemu/options.h"

/* What does not depend on files: options, QEMU and accelerator, the way to the guest agent. */
struct qemu_plan {
    struct qemu_options options;
    struct qemu_host host;
    enum driver_link_kind link;
};

/* Fails when this host's QEMU cannot run the instance; a QEMU that is merely old is noted. */
bool qemu_plan_make(const struct driver_instance *inst, struct qemu_plan *out,
                    struct err **errp) MUST_USE;
void qemu_plan_done(struct qemu_plan *plan);
#define auto_qemu_plan AUTO_CALL(qemu_plan_done)

/* The firmware for an instance; out stays empty when it boots directly (its kernel.cmdline names
 * our own init) or asks for a legacy BIOS. Its variable store is created when missing. */
bool qemu_prepare_firmware(const struct driver_instance *inst, const struct qemu_host *host,
                           struct qemu_firmware *out, struct err **errp) MUST_USE;

bool qemu_prepare_machine(const struct driver_params *params, const struct qemu_plan *plan,
                          struct qemu_machine *out, struct err **errp) MUST_USE;

#endif
