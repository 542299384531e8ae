/*
 * The shortest decimal digits that read back as the same double, the base of Go's number formats.
 */
#ifndef LANG_JSON_SHORTEST_H
#define LANG_JSON_SHORTEST_H

#include <stdbool.h>

#include "base/sb.h"

#define SHORTEST_MAX_DIGITS 17

/* number = (negative ? -1 : 1) * 0.DIGITS * 10^point */
struct shortest {
    bool negative;
    char digits[SHORTEST_MAX_DIGITS + 1]; /* no trailing zeros except for "0" */
    int n_digits;
    int point;
};

/* number must be finite. */
struct shortest shortest_of(double number);
/* 123000 or 0.00123 */
void shortest_put_plain(struct sb *out, const struct shortest *s);
/* 1.23e+05; the exponent has at least min_exp_digits digits. */
void shortest_put_exponent(struct sb *out, const struct shortest *s, int min_exp_digits);
/* The power of ten of the first digit: 2 for 123, -3 for 0.00123. */
int shortest_exponent(const struct shortest *s);

#endif
