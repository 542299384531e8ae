#include "base/sb.h"

#include <stdio.h>

#include "base/mem.h"

char *sb_reserve(struct sb *b, size_t n)
{
    size_t need;

    if (b->over)
        return NULL;
    if (__builtin_add_overflow(b->n, n, &need) || (b->limit && need > b->limit)) {
        b->over = true;
        return NULL;
    }
    if (need + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 64;

        while (cap < need + 1)
            cap *= 2;
        b->p = mem_resize(b->p, cap, 1);
        b->cap = cap;
        b->p[b->n] = '\0';
    }
    return b->p + b->n;
}

void sb_commit(struct sb *b, size_t n)
{
    b->n += n;
    b->p[b->n] = '\0';
}

void sb_put_mem(struct sb *b, const void *mem, size_t n)
{
    char *to = sb_reserve(b, n);

    if (!to)
        return;
    if (n)
        memcpy(to, mem, n);
    sb_commit(b, n);
}

void sb_put(struct sb *b, struct sv v)
{
    sb_put_mem(b, v.p, v.n);
}

void sb_puts(struct sb *b, const char *s)
{
    sb_put_mem(b, s, strlen(s));
}

void sb_putc(struct sb *b, char c)
{
    sb_put_mem(b, &c, 1);
}

void sb_vputf(struct sb *b, const char *fmt, va_list args)
{
    va_list again;
    char *to;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) {
        b->over = true;
        return;
    }
    to = sb_reserve(b, (size_t)n);
    if (!to)
        return;
    (void)vsnprintf(to, (size_t)n + 1, fmt, args);
    sb_commit(b, (size_t)n);
}

void sb_putf(struct sb *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    sb_vputf(b, fmt, args);
    va_end(args);
}

void sb_truncate(struct sb *b, size_t n)
{
    if (n >= b->n)
        return;
    b->n = n;
    b->p[n] = '\0';
}

void sb_consume(struct sb *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    sb_truncate(b, b->n - n);
}

const char *sb_str(const struct sb *b)
{
    return b->p ? b->p : "";
}

struct sv sb_view(const struct sb *b)
{
    return (struct sv){ sb_str(b), b->n };
}

char *sb_steal(struct sb *b)
{
    char *p = b->p ? b->p : mem_strdup("");

    b->p = NULL;
    b->n = b->cap = 0;
    return p;
}

void sb_done(struct sb *b)
{
    free(b->p);
    *b = (struct sb){ .limit = b->limit };
}
