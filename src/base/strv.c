#include "base/strv.h"

#include <stdarg.h>

#include "base/mem.h"
#include "base/sb.h"

static void make_room(struct strv *s)
{
    if (s->n + 1 < s->cap)
        return;
    s->cap = s->cap ? s->cap * 2 : 8;
    s->v = mem_resize(s->v, s->cap, sizeof(*s->v));
}

void strv_push_take(struct strv *s, char *take_str)
{
    make_room(s);
    s->v[s->n++] = take_str;
    s->v[s->n] = NULL;
}

void strv_push(struct strv *s, const char *str)
{
    strv_push_take(s, mem_strdup(str));
}

void strv_pushf(struct strv *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    strv_push_take(s, mem_vprintf(fmt, args));
    va_end(args);
}

void strv_push_sv(struct strv *s, struct sv v)
{
    strv_push_take(s, sv_dup(v));
}

void strv_push_list(struct strv *s, ...)
{
    va_list args;
    const char *str;

    va_start(args, s);
    while ((str = va_arg(args, const char *)))
        strv_push(s, str);
    va_end(args);
}

void strv_extend(struct strv *s, const struct strv *more)
{
    for (size_t i = 0; i < more->n; i++)
        strv_push(s, more->v[i]);
}

void strv_insert(struct strv *s, size_t at, const char *str)
{
    make_room(s);
    memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
    s->v[at] = mem_strdup(str);
    s->v[++s->n] = NULL;
}

void strv_remove(struct strv *s, size_t at)
{
    free(s->v[at]);
    memmove(s->v + at, s->v + at + 1, (s->n - at) * sizeof(*s->v)); /* with the NULL */
    s->n--;
}

void strv_split(struct strv *s, struct sv text, char sep)
{
    struct sv part;

    while (sv_next(&text, sep, &part))
        strv_push_sv(s, part);
}

bool strv_has(const struct strv *s, const char *str)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i], str) == 0)
            return true;
    return false;
}

char *strv_join(const struct strv *s, const char *sep)
{
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; i < s->n; i++) {
        if (i)
            sb_puts(&out, sep);
        sb_puts(&out, s->v[i]);
    }
    return sb_steal(&out);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
    if (s->n > 1)
        qsort(s->v, s->n, sizeof(*s->v), compare_strings);
}

char *const *strv_array(const struct strv *s)
{
    static char *const empty[] = { NULL };

    return s->v ? s->v : empty;
}

void strv_clear(struct strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    s->n = 0;
    if (s->v)
        s->v[0] = NULL;
}

void strv_done(struct strv *s)
{
    strv_clear(s);
    free(s->v);
    *s = (struct strv){ 0 };
}
