/*
 * Strict number parsing: the whole text must be one number in range; no blanks, no sign unless
 * signed. Outputs are written on success only.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sv.h"

bool parse_u64(struct sv text, uint64_t *out);
bool parse_i64(struct sv text, int64_t *out);
bool parse_u32(struct sv text, uint32_t *out);
bool parse_u16(struct sv text, uint16_t *out);
bool parse_u64_base(struct sv text, unsigned base,
                    uint64_t *out);             /* base 2, 8, 10 or 16; no prefix */
bool parse_double(struct sv text, double *out); /* decimal, finite */
/* 1 0 t f T F true false TRUE FALSE True False, as Go's strconv.ParseBool. */
bool parse_bool(struct sv text, bool *out);

#endif
