/*
 * String vector: an owned, NULL-terminated array of owned strings, as exec() wants it.
 * "struct strv x = { 0 }" is empty; v is NULL until the first push, strv_array() never is.
 */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/sv.h"

struct strv {
    char **v;
    size_t n, cap;
};

void strv_push(struct strv *s, const char *str);
void strv_pushf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_push_sv(struct strv *s, struct sv v);
void strv_push_take(struct strv *s, char *take_str);
void strv_push_list(struct strv *s, ...) __attribute__((sentinel)); /* const char * ..., NULL */
void strv_extend(struct strv *s, const struct strv *more);
void strv_insert(struct strv *s, size_t at, const char *str);
void strv_remove(struct strv *s, size_t at);
/* Splits at every sep; empty parts are kept. */
void strv_split(struct strv *s, struct sv text, char sep);

bool strv_has(const struct strv *s, const char *str);
char *strv_join(const struct strv *s, const char *sep); /* owned */
void strv_sort(struct strv *s);                         /* byte order */
char *const *strv_array(const struct strv *s);          /* borrowed */
void strv_clear(struct strv *s);
void strv_done(struct strv *s);
#define auto_strv AUTO_CALL(strv_done)

#endif
