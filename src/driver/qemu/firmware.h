/*
 * UEFI firmware for guests, wherever the distribution put it. Looked at in this order:
 *
 *   1. edk2-NAME-code.fd in ~/.local/share/qemu, then in share/qemu of QEMU's own prefix
 *   2. QEMU's firmware descriptors (docs/interop/firmware.json of QEMU), *.json by file name in
 *      ~/.config/qemu/firmware, /etc/qemu/firmware, share/qemu/firmware of the prefix and of /usr:
 *      the first for the machine that wants neither Secure Boot nor SMM
 *   3. files that distributions are known to have
 *
 * A file in the instance directory (QEMU_EFI_CODE_NAME) goes before all; that is the caller's.
 */
#ifndef DRIVER_QEMU_FIRMWARE_H
#define DRIVER_QEMU_FIRMWARE_H

#include "base/err.h"
#include "base/sv.h"
#include "driver/qemu/arch.h"

struct qemu_firmware {
    char *code;        /* path */
    char *code_format; /* as QEMU spells it: "raw", "qcow2" */
    char *vars;        /* template of the variable store; NULL = none */
    char *vars_format; /* NULL without vars */
};

struct qemu_firmware_places {
    const char *root; /* put in front of every path below; "" except in tests */
    const char *home;
    const char *prefix, *real_prefix; /* of struct qemu_exe */
};

/* ERR_NOT_FOUND, with a hint for the architecture. */
bool qemu_firmware_find(const struct qemu_arch *arch, const struct qemu_firmware_places *places,
                        struct qemu_firmware *out, struct err **errp) MUST_USE;
void qemu_firmware_done(struct qemu_firmware *fw);
#define auto_qemu_firmware AUTO_CALL(qemu_firmware_done)

/* Reads a descriptor; false when it is malformed or not for the architecture. */
bool qemu_firmware_parse(struct sv text, const struct qemu_arch *arch, struct qemu_firmware *out);

#endif
