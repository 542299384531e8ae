/*
 * Expansion of Go templates with a fixed set of variables.
 */
#ifndef MODEL_CONFIG_VARS_H
#define MODEL_CONFIG_VARS_H

#include <jansson.h>

#include "base/err.h"

/* vars is an object: ".Name" is its member, naming one that is not there is ERR_INVALID. Objects
 * inside are maps: a missing key prints "<no value>". *out_text is owned. */
bool vars_expand(const char *text, const json_t *vars, char **out_text, struct err **errp) MUST_USE;

#endif
