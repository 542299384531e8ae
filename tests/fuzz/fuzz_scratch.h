/*
 * A directory below /tmp for targets that work on files: made for the first input, emptied for each
 * further one, removed when the program ends.
 */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <stdlib.h>
#include <sys/stat.h>

#include "sys/dir.h"

static char *fuzz_scratch;

static inline void fuzz_scratch_remove(void)
{
    if (!dir_remove_tree(fuzz_scratch, NULL))
        abort();
    free(fuzz_scratch);
    fuzz_scratch = NULL;
}

/* fuzz_scratch is an empty directory afterwards. */
static inline void fuzz_scratch_renew(const char *prefix)
{
    if (!fuzz_scratch) {
        if (!dir_make_temp(prefix, &fuzz_scratch, NULL))
            abort();
        (void)atexit(fuzz_scratch_remove);
    } else if (!dir_remove_tree(fuzz_scratch, NULL) || mkdir(fuzz_scratch, 0700) < 0) {
        abort();
    }
}

#endif
