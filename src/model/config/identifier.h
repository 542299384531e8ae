/*
 * Names of instances, disks and networks: groups of letters and digits with single . _ - between
 * them, at most 76 characters (reference: config section 14.3).
 */
#ifndef MODEL_CONFIG_IDENTIFIER_H
#define MODEL_CONFIG_IDENTIFIER_H

#include "base/err.h"

bool identifier_check(const char *text, struct err **errp) MUST_USE;

#endif
