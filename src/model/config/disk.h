/*
 * Additional disks (reference: config sections 5.3 and 15).
 */
#ifndef MODEL_CONFIG_DISK_H
#define MODEL_CONFIG_DISK_H

#include "lang/schema/field.h"

#define DISK_FIELDS(F)                                                   \
    F(STR, name, "name", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY,    \
      "Name of a disk made with \"limactl disk create\".")               \
    F(BOOL, format, "format", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,   \
      "Make a file system when the disk has none; true when not given.") \
    F(STR, fs_type, "fsType", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,   \
      "File system, ext4 when not given, or swap.")                      \
    F(STRS, fs_args, "fsArgs", NULL, MERGE_FILL, 0, CHECK_ANY, "Arguments for mkfs or mkswap.")
struct disk_config {
    DISK_FIELDS(FIELD_MEMBER)
};

extern const struct field_table disk_config_table;

#endif
