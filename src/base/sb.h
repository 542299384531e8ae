/*
 * String builder: owned, always terminated bytes that grow. With a limit it is safe for untrusted
 * input: a put beyond the limit stores nothing and sets "over", which stays set, so a sequence of
 * puts is checked once. "struct sb x = { 0 }" is an empty builder; p is NULL until the first put,
 * use sb_str() to read it as a C string.
 */
#ifndef BASE_SB_H
#define BASE_SB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/sv.h"

struct sb {
    char *p;
    size_t n, cap;
    size_t limit; /* 0 = none */
    bool over;
};

void sb_put(struct sb *b, struct sv v);
void sb_puts(struct sb *b, const char *s);
void sb_putc(struct sb *b, char c);
void sb_put_mem(struct sb *b, const void *mem, size_t n);
void sb_putf(struct sb *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sb_vputf(struct sb *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* Makes room for n more bytes and returns where they go; sb_commit() adds what was written.
 * Returns NULL, and sets over, when the limit forbids it. */
char *sb_reserve(struct sb *b, size_t n);
void sb_commit(struct sb *b, size_t n);
void sb_truncate(struct sb *b, size_t n); /* n at most b->n */
void sb_consume(struct sb *b, size_t n);  /* drops the first n bytes */

const char *sb_str(const struct sb *b); /* borrowed, never NULL */
struct sv sb_view(const struct sb *b);  /* borrowed until the next put */
char *sb_steal(struct sb *b);           /* the caller's, never NULL; leaves b empty */
void sb_done(struct sb *b);
#define auto_sb AUTO_CALL(sb_done)

#endif
