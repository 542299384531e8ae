/*
 * Expansion of Go templates with a set of variables.
 */
#ifndef MODEL_CONFIG_VARS_H
#define MODEL_CONFIG_VARS_H

#include <jansson.h>

#include "base/err.h"

/* vars is an object: ".Name" is its member. Naming one that is not there prints "<no value>", or is
 * ERR_INVALID when type says what vars stands for ("store.FormatData"); objects inside are maps
 * either way. *out_text is owned. */
bool vars_expand(const char *text, const json_t *vars, const char *type, char **out_text,
                 struct err **errp) MUST_USE;

#endif
