/*
 * The guest's clock, corrected to the host's: a guest that was asleep with its host is late.
 */
#ifndef PROG_GUESTAGENT_CLOCK_H
#define PROG_GUESTAGENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* More than this, either way, is corrected. */
#define CLOCK_TOLERANCE_NS INT64_C(100000000)

/* guest minus host; saturates. Pure. */
int64_t clock_drift(int64_t guest_ns, int64_t host_ns);
bool clock_sync(int64_t host_ns, int64_t *out_drift_ns, bool *out_adjusted,
                struct err **errp) MUST_USE;

#endif
