#include "base/sv.h"

#include <string.h>

#include "base/mem.h"

struct sv sv_of(const char *s)
{
    return (struct sv){ s, s ? strlen(s) : 0 };
}

struct sv sv_slice(struct sv v, size_t from, size_t to)
{
    if (to > v.n)
        to = v.n;
    if (from >= to)
        return (struct sv){ v.p ? v.p + to : NULL, 0 };
    return (struct sv){ v.p + from, to - from };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct sv sv_trim(struct sv v)
{
    while (v.n && is_blank(v.p[0])) {
        v.p++;
        v.n--;
    }
    while (v.n && is_blank(v.p[v.n - 1]))
        v.n--;
    return v;
}

char *sv_dup(struct sv v)
{
    char *s = mem_alloc(v.n + 1);

    if (v.n)
        memcpy(s, v.p, v.n);
    return s;
}

bool sv_eq(struct sv a, struct sv b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool sv_eq_str(struct sv a, const char *b)
{
    return sv_eq(a, sv_of(b));
}

bool sv_starts(struct sv v, struct sv prefix)
{
    return v.n >= prefix.n && sv_eq(sv_slice(v, 0, prefix.n), prefix);
}

bool sv_ends(struct sv v, struct sv suffix)
{
    return v.n >= suffix.n && sv_eq(sv_slice(v, v.n - suffix.n, v.n), suffix);
}

ptrdiff_t sv_find(struct sv v, char c)
{
    const char *at = v.n ? memchr(v.p, c, v.n) : NULL;

    return at ? at - v.p : -1;
}

ptrdiff_t sv_rfind(struct sv v, char c)
{
    const char *at = v.n ? memrchr(v.p, c, v.n) : NULL;

    return at ? at - v.p : -1;
}

bool sv_next(struct sv *v, char sep, struct sv *out_head)
{
    ptrdiff_t at;

    if (!v->p)
        return false;
    at = sv_find(*v, sep);
    if (at < 0) {
        *out_head = *v;
        *v = (struct sv){ 0 };
    } else {
        *out_head = sv_slice(*v, 0, (size_t)at);
        v->p += at + 1;
        v->n -= (size_t)at + 1;
    }
    return true;
}

bool sv_next_line(struct sv *v, struct sv *out_line)
{
    return v->n > 0 && sv_next(v, '\n', out_line);
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    return sv_ends(sv_of(s), sv_of(suffix));
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
