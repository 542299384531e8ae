/*
 * Shared libraries that only few commands need are loaded when they are, so that the others start quickly.
 * A library stays loaded until the process ends.
 *
 *     static const struct lazy_symbol symbols[] = { { "curl_easy_init", &api.easy_init }, ... };
 *     if (!lazy_load("libcurl", sonames, symbols, COUNT(symbols), errp)) ...
 */
#ifndef SVC_FETCH_LAZY_H
#define SVC_FETCH_LAZY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct lazy_symbol {
    const char *name;
    void *slot; /* address of the function pointer to fill */
};

/* sonames ends with NULL; the first that can be loaded is taken. what is for the message. */
bool lazy_load(const char *what, const char *const *sonames, const struct lazy_symbol *symbols,
               size_t n_symbols, struct err **errp) MUST_USE;

#endif
