/*
 * JSON for people: indented by four, with colours when asked for.
 */
#ifndef PROG_LIMACTL_JSON_PAINT_H
#define PROG_LIMACTL_JSON_PAINT_H

#include <jansson.h>

#include "base/sb.h"

/* Appends the value without a line end. */
void json_paint(struct sb *out, const json_t *value, bool colour);

#endif
