/* A scratch root file system: tree_put("etc/hosts", "..."), tree_get("etc/hosts"). */
#ifndef TESTS_GUESTAGENT_TREE_H
#define TESTS_GUESTAGENT_TREE_H

#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static inline void tree_put(const char *name, const char *text)
{
    auto_mem char *path = temp_path(name);
    auto_mem char *dir = path_dir(path);

    assert_true(dir_make_all(dir, 0755, NULL));
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
}

/* NULL when missing; owned. */
static inline char *tree_get(const char *name)
{
    auto_mem char *path = temp_path(name);
    char *text = NULL;

    return file_read_text(path, 1024 * 1024, &text, NULL) ? text : NULL;
}

static inline struct stat tree_stat(const char *name)
{
    auto_mem char *path = temp_path(name);
    struct stat st = { 0 };

    (void)lstat(path, &st);
    return st;
}

static inline void tree_check(const char *name, const char *text)
{
    auto_mem char *found = tree_get(name);

    if (!str_eq(found, text))
        fail_msg("%s: %s", name, found ? found : "(missing)");
}

#endif
