/*
 * Readiness probes (reference: config sections 5.10 and 19.2).
 */
#ifndef MODEL_CONFIG_PROBE_H
#define MODEL_CONFIG_PROBE_H

#include "model/config/locator.h"

#define PROBE_FIELDS(F)                                                              \
    F(STR, mode, "mode", "readiness", MERGE_FILL, 0, CHECK_ANY, "Always readiness.") \
    F(STR, description, "description", NULL, MERGE_FILL, 0, CHECK_ANY,               \
      "What is tested, for messages.")                                               \
    F(STR, script, "script", NULL, MERGE_FILL, FIELD_KEEP, CHECK_ANY,                \
      "Script that exits with 0 when the guest is ready; guest template.")           \
    F(REF, file, "file", locator_config, MERGE_FILL, FIELD_NULLABLE, CHECK_ANY,      \
      "File whose text becomes the script when the instance is created.")            \
    F(STR, hint, "hint", NULL, MERGE_FILL, 0, CHECK_ANY, "Shown when the probe fails.")
struct probe_config {
    PROBE_FIELDS(FIELD_MEMBER)
};

extern const struct field_table probe_config_table;

#endif
