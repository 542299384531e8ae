/*
 * String view: a borrowed run of bytes, not terminated. Pass by value.
 */
#ifndef BASE_SV_H
#define BASE_SV_H

#include <stdbool.h>
#include <stddef.h>

struct sv {
    const char *p;
    size_t n;
};

#define SV(lit)   ((struct sv){ "" lit, sizeof(lit) - 1 })
/* For printf("%.*s", SV_ARG(v)). */
#define SV_ARG(v) (int)(v).n, (v).p

struct sv sv_of(const char *s);                          /* NULL gives the empty view */
struct sv sv_slice(struct sv v, size_t from, size_t to); /* clamped to v */
struct sv sv_trim(struct sv v);                          /* blanks, tabs, CR, LF at both ends */
char *sv_dup(struct sv v);                               /* owned, terminated */

bool sv_eq(struct sv a, struct sv b);
bool sv_eq_str(struct sv a, const char *b);
bool sv_starts(struct sv v, struct sv prefix);
bool sv_ends(struct sv v, struct sv suffix);
/* Position of the first c, or -1. */
ptrdiff_t sv_find(struct sv v, char c);
ptrdiff_t sv_rfind(struct sv v, char c);
/* Cuts at the first sep: *out_head gets what is before, v what is after (empty when there is no
 * sep). Returns false when v was exhausted before the call. */
bool sv_next(struct sv *v, char sep, struct sv *out_head);
/* Cuts off the first line, without its LF; a text that ends with LF has no empty line after it. */
bool sv_next_line(struct sv *v, struct sv *out_line);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Equal, both may be NULL. */
bool str_eq(const char *a, const char *b);

#endif
