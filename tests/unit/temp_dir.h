/*
 * A scratch directory for tests that need files: temp_dir_setup and temp_dir_teardown as group
 * fixtures, temp_path("x") for a path in it (owned).
 */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"

static char *temp_dir;

static inline int temp_dir_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    auto_mem char *prefix = mem_printf("%s/clima-test-", base && *base ? base : "/tmp");
    auto_err struct err *err = NULL;

    (void)state;
    if (dir_make_temp(prefix, &temp_dir, &err))
        return 0;
    (void)fprintf(stderr, "%s\n", err_text(err));
    return -1;
}

static inline int temp_dir_teardown(void **state)
{
    bool ok = !temp_dir || dir_remove_tree(temp_dir, NULL);

    (void)state;
    free(temp_dir);
    temp_dir = NULL;
    return ok ? 0 : -1;
}

static inline char *temp_path(const char *name)
{
    return path_join(temp_dir, name);
}

#endif
