/*
 * Sizes and durations in the notations of Lima (reference: sizes are go-units RAMInBytes and
 * BytesSize, durations are Go's time.ParseDuration and Duration.String).
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

/* "4GiB", "4G", "1.5gb", "512": powers of 1024; fractions of a byte are cut off. */
bool size_parse(struct sv text, uint64_t *out_bytes, struct err **errp) MUST_USE;
/* "4GiB", "117.7MiB", "0B": owned. */
char *size_format(uint64_t bytes);

/* "1h10m", "1.5s", "-3ms"; a unit is required except for "0". */
bool duration_parse(struct sv text, int64_t *out_ns, struct err **errp) MUST_USE;
/* "10m0s", "1.5s", "3ms", "0s": owned. */
char *duration_format(int64_t ns);

#endif
