/*
 * RFC 3339 time stamps.
 */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"

/* ns since the epoch; digits 0 or 9 of fraction (trailing zeros cut as Go does when trim);
 * offset_s east of UTC in seconds, 0 prints "Z". */
void rfc3339_format(struct sb *out, int64_t ns, int offset_s, bool with_ns);
bool rfc3339_parse(struct sv text, int64_t *out_ns);

#endif
