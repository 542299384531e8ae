/*
 * An instance as data for Go templates ("message", "list --format"), by Lima's Go names (reference:
 * cli sections 6.5 and 12).
 */
#ifndef MODEL_STORE_INST_DATA_H
#define MODEL_STORE_INST_DATA_H

#include "model/store/inst_status.h"

/* All fields of cli section 6.5 by Go name, those of the deprecated keys, and ".Instance", the same
 * once more. A new reference. */
json_t *instance_data(const struct instance *inst, const struct store *store);

/* Expands a "message" template: only the functions of the language itself. Owned. */
bool instance_expand(const struct instance *inst, const struct store *store, const char *text,
                     char **out_text, struct err **errp) MUST_USE;

#endif
