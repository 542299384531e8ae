/*
 * Name tables bound to enums:
 *
 *     static const char *const state_names[] = { "idle", "busy" };
 *     ENUM_NAMES_MATCH(state_names, STATE_COUNT);
 */
#ifndef BASE_ENUM_H
#define BASE_ENUM_H

#include <assert.h>
#include <string.h>

#include "base/auto.h"

#define ENUM_NAMES_MATCH(names, count) \
    static_assert(COUNT(names) == (size_t)(count), #names " must name every value")

/* Index of text in names, or -1. */
static inline int enum_from_name(const char *const *names, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], text) == 0)
            return (int)i;
    return -1;
}

#endif
