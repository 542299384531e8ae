/*
 * Which QEMU is used for a guest architecture: the words of QEMU_SYSTEM_ARCH, else the program
 * qemu-system-ARCH in PATH.
 */
#ifndef DRIVER_QEMU_EXE_H
#define DRIVER_QEMU_EXE_H

#include "base/err.h"
#include "base/semver.h"
#include "base/strv.h"
#include "driver/qemu/arch.h"

struct qemu_exe {
    struct strv words; /* full path of the executable, then what the variable put behind it */
    char *prefix;      /* parent of the executable's directory, links not resolved */
    char *real_prefix; /* the same of the file that links lead to */
};

/* ERR_NOT_FOUND, with the package to install as its hint. */
bool qemu_exe_find(const struct qemu_arch *arch, struct qemu_exe *out, struct err **errp) MUST_USE;
void qemu_exe_done(struct qemu_exe *exe);
#define auto_qemu_exe AUTO_CALL(qemu_exe_done)

#endif
