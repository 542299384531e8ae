/*
 * Downloadable files: images, kernels, firmware, containerd archives (reference: config sections
 * 5.2, 5.6, 5.9).
 */
#ifndef MODEL_CONFIG_IMAGE_H
#define MODEL_CONFIG_IMAGE_H

#include "lang/schema/field.h"
#include "model/config/words.h"

#define FILE_FIELDS(F)                                                        \
    F(STR, location, "location", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY, \
      "URL or local path.")                                                   \
    F(STR, arch, "arch", NULL, MERGE_FILL, 0, CHECK_WORDS(config_arches),     \
      "Architecture the file is for; the instance's when not given.")         \
    F(STR, digest, "digest", NULL, MERGE_FILL, 0, CHECK_ANY,                  \
      "sha256, sha384 or sha512 digest, as in \"sha256:0123...\".")
struct file_config {
    FILE_FIELDS(FIELD_MEMBER)
};

#define KERNEL_FIELDS(F) \
    FILE_FIELDS(F)       \
    F(STR, cmdline, "cmdline", NULL, MERGE_FILL, 0, CHECK_ANY, "Kernel command line.")
struct kernel_config {
    KERNEL_FIELDS(FIELD_MEMBER)
};

#define IMAGE_FIELDS(F)                                               \
    FILE_FIELDS(F)                                                    \
    F(REF, kernel, "kernel", kernel_config, MERGE_FILL, 0, CHECK_ANY, \
      "Kernel to boot directly, without firmware and boot loader.")   \
    F(REF, initrd, "initrd", file_config, MERGE_FILL, 0, CHECK_ANY,   \
      "Initial RAM disk of that kernel.")                             \
    F(STR, variant, "variant", NULL, MERGE_FILL, 0, CHECK_ANY,        \
      "Name by which one of several images is chosen, such as \"minimal\".")
struct image_config {
    IMAGE_FIELDS(FIELD_MEMBER)
};

#define FIRMWARE_IMAGE_FIELDS(F)                              \
    FILE_FIELDS(F)                                            \
    F(STR, vm_type, "vmType", NULL, MERGE_FILL, 0, CHECK_ANY, \
      "Driver the firmware is for; any when not given.")
struct firmware_image_config {
    FIRMWARE_IMAGE_FIELDS(FIELD_MEMBER)
};

#define FIRMWARE_FIELDS(F)                                                               \
    F(BOOL, legacy_bios, "legacyBIOS", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "Boot with a PC BIOS instead of UEFI (QEMU, x86_64 and armv7l).")       \
    F(LIST, images, "images", firmware_image_config, MERGE_APPEND, 0, CHECK_ANY,         \
      "UEFI firmware to download instead of the host's.")
struct firmware_config {
    FIRMWARE_FIELDS(FIELD_MEMBER)
};

#define CONTAINERD_FIELDS(F)                                                               \
    F(BOOL, system, "system", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Install containerd for the whole guest.")                                           \
    F(BOOL, user, "user", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,        \
      "Install rootless containerd for the guest user.")                                   \
    F(LIST, archives, "archives", file_config, MERGE_APPEND, 0, CHECK_ANY,                 \
      "nerdctl-full archives to install from.")
struct containerd_config {
    CONTAINERD_FIELDS(FIELD_MEMBER)
};

extern const struct field_table file_config_table, kernel_config_table, image_config_table,
    firmware_image_config_table, firmware_config_table, containerd_config_table;

#endif
