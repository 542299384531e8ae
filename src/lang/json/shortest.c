#include "lang/json/shortest.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shortest shortest_of(double number)
{
    struct shortest s = { .negative = signbit(number) != 0 };
    char text[40];

    assert(isfinite(number));
    number = fabs(number);
    for (int n = 1; n <= SHORTEST_MAX_DIGITS; n++) {
        (void)snprintf(text, sizeof(text), "%.*e", n - 1, number);
        if (strtod(text, NULL) == number)
            break;
    }

    char *exponent = strchr(text, 'e');

    for (const char *p = text; p < exponent; p++)
        if (*p >= '0' && *p <= '9')
            s.digits[s.n_digits++] = *p;
    while (s.n_digits > 1 && s.digits[s.n_digits - 1] == '0')
        s.digits[--s.n_digits] = '\0';
    s.point = (int)strtol(exponent + 1, NULL, 10) + 1;
    return s;
}

int shortest_exponent(const struct shortest *s)
{
    return s->digits[0] == '0' ? 0 : s->point - 1;
}

static void put_zeros(struct sb *out, int n)
{
    for (int i = 0; i < n; i++)
        sb_putc(out, '0');
}

void shortest_put_plain(struct sb *out, const struct shortest *s)
{
    if (s->negative)
        sb_putc(out, '-');
    if (s->point <= 0) {
        sb_puts(out, "0.");
        put_zeros(out, -s->point);
        sb_puts(out, s->digits);
    } else if (s->point >= s->n_digits) {
        sb_puts(out, s->digits);
        put_zeros(out, s->point - s->n_digits);
    } else {
        sb_put_mem(out, s->digits, (size_t)s->point);
        sb_putc(out, '.');
        sb_puts(out, s->digits + s->point);
    }
}

void shortest_put_exponent(struct sb *out, const struct shortest *s, int min_exp_digits)
{
    int exponent = shortest_exponent(s);

    if (s->negative)
        sb_putc(out, '-');
    sb_putc(out, s->digits[0]);
    if (s->n_digits > 1) {
        sb_putc(out, '.');
        sb_puts(out, s->digits + 1);
    }
    sb_putf(out, "e%c%0*d", exponent < 0 ? '-' : '+', min_exp_digits, abs(exponent));
}
