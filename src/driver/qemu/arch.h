/*
 * Guest architectures as QEMU knows them: a row each. Adding one is adding a row.
 */
#ifndef DRIVER_QEMU_ARCH_H
#define DRIVER_QEMU_ARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/semver.h"

enum qemu_bus {
    QEMU_BUS_PCIE, /* has pcie-root-ports: vhost-user devices and hot plug */
    QEMU_BUS_PCI,
    QEMU_BUS_CCW, /* channel devices of s390x */
};

struct qemu_arch {
    const char *name;   /* in lima.yaml */
    const char *suffix; /* of the executable: qemu-system-SUFFIX */
    const char *env;    /* variable that replaces the executable */
    const char *machine;
    /* Added to the machine by versions of QEMU that know them; begins with a comma, or "". */
    const char *machine_options;
    struct semver machine_options_since;
    /* The emulated CPU, and the one of versions before cpu_since; NULL = the machine's own. */
    const char *cpu_tcg, *cpu_tcg_before;
    struct semver cpu_tcg_since;
    unsigned memory_max_mib; /* what the machine can address; 0 = enough */
    enum qemu_bus bus;
    bool has_firmware;              /* boots stock images through UEFI */
    bool may_have_no_uefi;          /* firmware.legacyBIOS is honoured */
    bool has_pci_serial;            /* guests expect a second serial port on PCI */
    const char *firmware_name;      /* of the edk2 files: edk2-NAME-code.fd */
    const char *firmware_arch;      /* in firmware descriptors */
    const char *machine_glob_probe; /* a machine name that descriptors' patterns are matched with */
};

/* NULL when QEMU is not used for it. */
const struct qemu_arch *qemu_arch_find(const char *name);
/* What this version of QEMU is to be told; borrowed from the row. */
const char *qemu_arch_machine_options(const struct qemu_arch *arch, struct semver version);
const char *qemu_arch_cpu_tcg(const struct qemu_arch *arch, struct semver version);
extern const struct qemu_arch qemu_archs[];
extern const size_t n_qemu_archs;

#endif
