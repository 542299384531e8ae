/*
 * What on this host helps or hinders instances: programs, permissions, space, leftovers. For "limactl
 * doctor". Nothing is changed.
 */
#ifndef INSTANCE_EXAMINE_H
#define INSTANCE_EXAMINE_H

#include "driver/driver_type.h"

/* Findings of all checks, in a fixed order, FAIL for what would stop a start. */
void examine_host(struct driver_findings *out);

#endif
