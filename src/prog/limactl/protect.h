/*
 * What the verbs protect and unprotect share.
 */
#ifndef PROG_LIMACTL_PROTECT_H
#define PROG_LIMACTL_PROTECT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"

/* Every name is handled; the errors are reported together. */
bool protect_all(const struct strv *names, bool protect, struct err **errp) MUST_USE;

#endif
