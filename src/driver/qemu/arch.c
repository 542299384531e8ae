#include "driver/qemu/arch.h"

#include "base/auto.h"
#include "base/sv.h"

const struct qemu_arch qemu_archs[] = {
    {
        .name = "x86_64",
        .suffix = "x86_64",
        .env = "QEMU_SYSTEM_X86_64",
        .machine = "q35",
        .machine_options = ",vmport=off",
        /* An emulated CPU takes as long for each step of a string instruction as for several plain
         * ones, however much it moves. With the first two, guests copy and clear memory byte by
         * byte with them, and Linux uses them by words on AMD's processors since those of model
         * 0x48 (QEMU's is 0x6b): this is an early Opteron, with all features of "max". The third
         * makes page tables a level deeper, for more memory than guests have. */
        .cpu_tcg = "max,-erms,-fsrm,-la57,model=5,stepping=0",
        .cpu_tcg_since = { 6, 0, 0 },
        .cpu_tcg_before = "max",
        .bus = QEMU_BUS_PCIE,
        .has_firmware = true,
        .may_have_no_uefi = true,
        .firmware_name = "x86_64",
        .firmware_arch = "x86_64",
        .machine_glob_probe = "pc-q35-4.0",
    },
    {
        .name = "aarch64",
        .suffix = "aarch64",
        .env = "QEMU_SYSTEM_AARCH64",
        .machine = "virt",
        .machine_options = ",gic-version=max",
        /* The architected pointer authentication costs most of an emulated CPU's time. */
        .cpu_tcg = "max,pauth-impdef=on",
        .cpu_tcg_since = { 6, 0, 0 },
        .cpu_tcg_before = "max",
        .bus = QEMU_BUS_PCIE,
        .has_firmware = true,
        .has_pci_serial = true,
        .firmware_name = "aarch64",
        .firmware_arch = "aarch64",
        .machine_glob_probe = "virt-4.0",
    },
    {
        .name = "armv7l",
        .suffix = "arm",
        .env = "QEMU_SYSTEM_ARM",
        .machine = "virt",
        .machine_options = "",
        .cpu_tcg = "max",
        .memory_max_mib = 3072,
        .bus = QEMU_BUS_PCIE,
        .has_firmware = true,
        .may_have_no_uefi = true,
        .has_pci_serial = true,
        .firmware_name = "arm",
        .firmware_arch = "arm",
        .machine_glob_probe = "virt-4.0",
    },
    {
        .name = "riscv64",
        .suffix = "riscv64",
        .env = "QEMU_SYSTEM_RISCV64",
        .machine = "virt",
        .machine_options = ",acpi=off",
        .machine_options_since = { 8, 0, 0 },
        .cpu_tcg = "max",
        .cpu_tcg_since = { 8, 2, 0 },
        .cpu_tcg_before = "rv64",
        .bus = QEMU_BUS_PCIE,
        .has_firmware = true,
        .firmware_name = "riscv",
        .firmware_arch = "riscv64",
        .machine_glob_probe = "virt",
    },
    {
        .name = "ppc64le",
        .suffix = "ppc64",
        .env = "QEMU_SYSTEM_PPC64",
        .machine = "pseries",
        .machine_options = "",
        .bus = QEMU_BUS_PCI,
    },
    {
        .name = "s390x",
        .suffix = "s390x",
        .env = "QEMU_SYSTEM_S390X",
        .machine = "s390-ccw-virtio",
        .machine_options = "",
        .cpu_tcg = "max",
        .bus = QEMU_BUS_CCW,
    },
};
const size_t n_qemu_archs = COUNT(qemu_archs);

const struct qemu_arch *qemu_arch_find(const char *name)
{
    for (size_t i = 0; i < n_qemu_archs; i++)
        if (str_eq(qemu_archs[i].name, name))
            return &qemu_archs[i];
    return NULL;
}

const char *qemu_arch_machine_options(const struct qemu_arch *arch, struct semver version)
{
    return semver_cmp(version, arch->machine_options_since) >= 0 ? arch->machine_options : "";
}

const char *qemu_arch_cpu_tcg(const struct qemu_arch *arch, struct semver version)
{
    return semver_cmp(version, arch->cpu_tcg_since) >= 0 ? arch->cpu_tcg : arch->cpu_tcg_before;
}
