/*
 * Questions to a person: drawn on standard output, answered on standard input (reference: cli section
 * 2.3). The caller has checked that questions are allowed.
 */
#ifndef PROG_LIMACTL_PROMPT_H
#define PROG_LIMACTL_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Standard input is a terminal. */
bool prompt_can_ask(void);
/* Yes or no; an empty answer, or none, is preset. */
bool prompt_confirm(const char *question, bool preset, bool *out, struct err **errp) MUST_USE;
/* One of options, moved to with the arrow keys or found by typing. ERR_CANCELED on Ctrl-C;
 * ERR_UNSUPPORTED when standard input is no terminal. */
bool prompt_select(const char *question, const char *const *options, size_t n, size_t *out,
                   struct err **errp) MUST_USE;

#endif
