/*
 * Shared directories (reference: config sections 5.4 and 18). After config_load() location and
 * mount_point are expanded and absolute.
 */
#ifndef MODEL_CONFIG_MOUNT_H
#define MODEL_CONFIG_MOUNT_H

#include "lang/schema/field.h"
#include "model/config/words.h"

#define SSHFS_FIELDS(F)                                                                          \
    F(BOOL, cache, "cache", "true", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,          \
      "Cache in the guest.")                                                                     \
    F(BOOL, follow_symlinks, "followSymlinks", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "Follow symbolic links on the host.")                                           \
    F(STR, sftp_driver, "sftpDriver", "", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,    \
      "SFTP server: builtin, openssh-sftp-server, or empty for the one that is there.")
struct sshfs_config {
    SSHFS_FIELDS(FIELD_MEMBER)
};

#define NINEP_FIELDS(F)                                                                      \
    F(STR, security_model, "securityModel", "none", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "passthrough, mapped-xattr, mapped-file or none.")                          \
    F(STR, protocol_version, "protocolVersion", "9p2000.L", MERGE_FILL,                      \
      FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, "9p2000, 9p2000.u or 9p2000.L.")               \
    F(SIZE, msize, "msize", "128KiB", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,    \
      "Largest packet.")                                                                     \
    F(STR, cache, "cache", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,         \
      "none, loose, fscache (default when read-only) or mmap (default when writable).")
struct ninep_config {
    NINEP_FIELDS(FIELD_MEMBER)
};

#define VIRTIOFS_FIELDS(F)                                                                    \
    F(INT, queue_size, "queueSize", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Entries of the request queue (QEMU).")                                                   \
    F(STR, cache, "cache", NULL, MERGE_FILL, FIELD_NULLABLE,                                  \
      CHECK_WORDS(config_virtiofs_caches),                                                    \
      "auto (default): the guest sees changes of the host within a second; always: it never " \
      "asks again; never: it keeps nothing.")                                                 \
    F(STR, ownership, "ownership", NULL, MERGE_FILL, FIELD_NULLABLE,                          \
      CHECK_WORDS(config_virtiofs_owners),                                                \
      "host (default): files belong to the guest's user, others cannot own any; mapped: "     \
      "chown is remembered in an extended attribute.")
struct virtiofs_config {
    VIRTIOFS_FIELDS(FIELD_MEMBER)
};

#define MOUNT_FIELDS(F)                                                                         \
    F(STR, location, "location", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY,                   \
      "Directory of the host; ~ and {{.Home}}, {{.Dir}}, {{.Param.x}} are expanded.")           \
    F(STR, mount_point, "mountPoint", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Directory of the guest; the same as location when not given.")                           \
    F(BOOL, writable, "writable", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,  \
      "Let the guest write.")                                                                   \
    F(SUB, sshfs, "sshfs", sshfs_config, MERGE_FILL, 0, CHECK_ANY,                              \
      "Options for mountType reverse-sshfs.")                                                   \
    F(SUB, ninep, "9p", ninep_config, MERGE_FILL, 0, CHECK_ANY, "Options for mountType 9p.")    \
    F(SUB, virtiofs, "virtiofs", virtiofs_config, MERGE_FILL, 0, CHECK_ANY,                     \
      "Options for mountType virtiofs.")
struct mount_config {
    MOUNT_FIELDS(FIELD_MEMBER)
};

extern const struct field_table sshfs_config_table, ninep_config_table, virtiofs_config_table,
    mount_config_table;

#endif
