/*
 * What root has and this program does not need.
 */
#ifndef PROG_PRIVILEGED_RIGHTS_H
#define PROG_PRIVILEGED_RIGHTS_H

#include "base/err.h"

/* At the start: environment, working directory, what memory tells after a crash, most capabilities,
 * descriptors that sudo left open (it closes them itself; kernels before 5.9 leave that to it). */
bool rights_reduce(struct err **errp) MUST_USE;
/* Once everything is open: all capabilities, for ever. */
bool rights_drop(struct err **errp) MUST_USE;

#endif
