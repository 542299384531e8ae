/*
 * Versions X.Y.Z with optional leading "v" and "-pre" / "+build" suffixes.
 */
#ifndef BASE_SEMVER_H
#define BASE_SEMVER_H

#include <stdbool.h>

#include "base/sv.h"

struct semver {
    unsigned major, minor, patch;
    bool pre; /* had a "-suffix" */
};

/* "2.2.0", "v2.2.0-beta.1+x". Missing minor or patch is an error. */
bool semver_parse(struct sv text, struct semver *out);
/* <0, 0, >0 by numbers only. */
int semver_cmp(struct semver a, struct semver b);

#endif
