/*
 * An empty store in a scratch directory: store_setup and store_teardown as fixtures of a test.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "model/store/store.h"
#include "sys/file.h"

#include "temp_dir.h"

static struct store store;

static inline int store_setup(void **state)
{
    if (temp_dir_setup(state) != 0 || setenv("LIMA_HOME", temp_dir, 1) != 0)
        return -1;
    return store_open(&store, NULL) ? 0 : -1;
}

static inline int store_teardown(void **state)
{
    store_done(&store);
    return temp_dir_teardown(state);
}

/* Writes HOME/dir/name and what is missing above it. */
static inline bool store_write(const char *dir, const char *name, const char *text)
{
    auto_mem char *folder = path_join(store.home, dir);
    auto_mem char *path = path_join(folder, name);

    return dir_make_all(folder, 0700, NULL) && file_write_atomic(path, sv_of(text), 0644, NULL);
}

#endif
