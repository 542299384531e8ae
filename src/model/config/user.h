/*
 * The guest user and certificates (reference: config sections 5.15 and 5.16). After config_load()
 * the user is complete.
 */
#ifndef MODEL_CONFIG_USER_H
#define MODEL_CONFIG_USER_H

#include "lang/schema/field.h"

#define USER_FIELDS(F)                                                                            \
    F(STR, name, "name", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,                \
      "Name; that of the host user, or lima.")                                                    \
    F(STR, comment, "comment", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,          \
      "Full name.")                                                                               \
    F(STR, home, "home", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,                \
      "Home directory; guest template.")                                                          \
    F(STR, shell, "shell", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,              \
      "Login shell.")                                                                             \
    F(INT, uid, "uid", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_RANGE(0, UINT32_MAX), \
      "User id; that of the host user.")                                                          \
    F(BOOL, passwordless_sudo, "passwordlessSudo", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "Let sudo ask for no password.")
struct user_config {
    USER_FIELDS(FIELD_MEMBER)
};

#define CA_CERTS_FIELDS(F)                                                                       \
    F(BOOL, remove_defaults, "removeDefaults", "false", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, \
      CHECK_ANY, "Remove the certificates that the image trusts.")                               \
    F(STRS, files, "files", NULL, MERGE_UNION, FIELD_NULLABLE, CHECK_ANY,                        \
      "Certificate files of the host.")                                                          \
    F(STRS, certs, "certs", NULL, MERGE_UNION, FIELD_NULLABLE, CHECK_ANY,                        \
      "Certificates as PEM text.")
struct ca_certs_config {
    CA_CERTS_FIELDS(FIELD_MEMBER)
};

#define ROSETTA_FIELDS(F)                                                                 \
    F(BOOL, enabled, "enabled", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Deprecated: vmOpts.vz.rosetta.enabled.")                                           \
    F(BOOL, binfmt, "binfmt", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,   \
      "Deprecated: vmOpts.vz.rosetta.binfmt.")
struct rosetta_config {
    ROSETTA_FIELDS(FIELD_MEMBER)
};

extern const struct field_table user_config_table, ca_certs_config_table, rosetta_config_table;

#endif
