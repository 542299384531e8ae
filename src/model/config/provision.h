/*
 * Provision scripts and files (reference: config sections 5.8 and 19). After config_load() texts
 * are expanded and the defaults of each mode filled in.
 */
#ifndef MODEL_CONFIG_PROVISION_H
#define MODEL_CONFIG_PROVISION_H

#include "model/config/locator.h"
#include "model/config/words.h"

#define PROVISION_FIELDS(F)                                                                       \
    F(STR, mode, "mode", "system", MERGE_FILL, 0, CHECK_WORDS(config_provision_modes),            \
      "When and as whom: system, user, boot, dependency, data, yq or ansible (deprecated).")      \
    F(BOOL, skip_default_dependency_resolution, "skipDefaultDependencyResolution", NULL,          \
      MERGE_FILL, FIELD_KEEP, CHECK_ANY, "Mode dependency: do not install the default packages.") \
    F(STR, script, "script", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,                             \
      "Text of the script; guest template.")                                                      \
    F(REF, file, "file", locator_config, MERGE_FILL, FIELD_NULLABLE, CHECK_ANY,                   \
      "File whose text replaces this key when the instance is created.")                          \
    F(STR, playbook, "playbook", NULL, MERGE_FILL, 0, CHECK_ANY,                                  \
      "Mode ansible: playbook on the host (deprecated).")                                         \
    F(STR, content, "content", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,          \
      "Mode data: text of the file; guest template.")                                             \
    F(BOOL, overwrite, "overwrite", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,     \
      "Mode data: replace an existing file; true when not given.")                                \
    F(STR, owner, "owner", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,                               \
      "Modes data and yq: USER:GROUP, root:root when not given; guest template.")                 \
    F(STR, path, "path", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,                                 \
      "Modes data and yq: absolute path in the guest; guest template.")                           \
    F(STR, permissions, "permissions", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,                   \
      "Modes data and yq: octal digits, 644 when not given.")                                     \
    F(STR, expression, "expression", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,    \
      "Mode yq: expression to apply to the file; guest template.")                                \
    F(STR, format, "format", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,            \
      "Mode yq: format of the file, auto when not given.")
struct provision_config {
    PROVISION_FIELDS(FIELD_MEMBER)
};

extern const struct field_table provision_config_table;

#endif
