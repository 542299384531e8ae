/*
 * Lexical path operations; nothing here touches the file system. Results are owned.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>

char *path_join(const char *dir,
                const char *name);       /* one slash between; name may be absolute: appended */
char *path_clean(const char *path);      /* like Go's filepath.Clean */
char *path_dir(const char *path);        /* "/a/b" -> "/a", "b" -> "." */
const char *path_base(const char *path); /* borrowed: after the last slash */
const char *path_ext(const char *path);  /* borrowed: ".gz" or "" */
bool path_is_absolute(const char *path);
/* True when path is dir or lies below it; both are cleaned first. */
bool path_is_within(const char *path, const char *dir);
/* "~" and "~/x" become home/...; other texts are copied. */
char *path_expand_home(const char *path, const char *home);

#endif
