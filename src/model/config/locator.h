/*
 * References to other files: "base", "provision[].file", "probes[].file" (reference: config
 * sections 3, 7 and 9). They are gone after embedding; what is left of them fails the checks.
 */
#ifndef MODEL_CONFIG_LOCATOR_H
#define MODEL_CONFIG_LOCATOR_H

#include "lang/schema/field.h"

#define LOCATOR_FIELDS(F)                                                                 \
    F(STR, url, "url", NULL, MERGE_FILL, FIELD_REQUIRED, CHECK_ANY, "Where the file is.") \
    F(STR, digest, "digest", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,    \
      "Digest of the file.")
struct locator_config {
    LOCATOR_FIELDS(FIELD_MEMBER)
};

extern const struct field_table locator_config_table;

#endif
