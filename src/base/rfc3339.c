#include "base/rfc3339.h"

#include <stdlib.h>

#include "base/num.h"

#define NS_PER_S 1000000000LL

/* Days since 1970-01-01 of a proleptic Gregorian date (the civil-from-days algorithm, reversed). */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t era;
    unsigned year_of_era, day_of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    year_of_era = (unsigned)(year - era * 400);
    day_of_year = (153 * (month + (month > 2 ? (unsigned)-3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 +
           (int64_t)(year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year) -
           719468;
}

static void date_of(int64_t days, int64_t *out_year, unsigned *out_month, unsigned *out_day)
{
    int64_t era;
    unsigned day_of_era, year_of_era, day_of_year, shifted;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = (unsigned)(days - era * 146097);
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    shifted = (5 * day_of_year + 2) / 153;
    *out_day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *out_month = shifted < 10 ? shifted + 3 : shifted - 9;
    *out_year = (int64_t)year_of_era + era * 400 + (*out_month <= 2);
}

void rfc3339_format(struct sb *out, int64_t ns, int offset_s, bool with_ns)
{
    int64_t seconds = ns / NS_PER_S, year, days;
    int64_t fraction = ns % NS_PER_S;
    unsigned month, day, of_day;

    if (fraction < 0) {
        fraction += NS_PER_S;
        seconds--;
    }
    seconds += offset_s;
    days = seconds / 86400 - (seconds % 86400 < 0);
    of_day = (unsigned)(seconds - days * 86400);
    date_of(days, &year, &month, &day);
    sb_putf(out, "%04lld-%02u-%02uT%02u:%02u:%02u", (long long)year, month, day, of_day / 3600,
            of_day / 60 % 60, of_day % 60);
    if (with_ns && fraction) {
        sb_putf(out, ".%09lld", (long long)fraction);
        while (out->n && out->p[out->n - 1] == '0')
            sb_truncate(out, out->n - 1);
    }
    if (offset_s == 0)
        sb_putc(out, 'Z');
    else
        sb_putf(out, "%c%02d:%02d", offset_s < 0 ? '-' : '+', abs(offset_s) / 3600,
                abs(offset_s) / 60 % 60);
}

/* Takes n digits off the front. */
static bool take_number(struct sv *text, size_t n, uint32_t *out)
{
    if (text->n < n || !parse_u32(sv_slice(*text, 0, n), out))
        return false;
    *text = sv_slice(*text, n, text->n);
    return true;
}

static bool take_char(struct sv *text, char c)
{
    if (text->n == 0 || text->p[0] != c)
        return false;
    *text = sv_slice(*text, 1, text->n);
    return true;
}

static bool take_fraction(struct sv *text, int64_t *out_ns)
{
    int64_t value = 0;
    size_t n = 0;

    for (; n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++)
        if (n < 9)
            value = value * 10 + (text->p[n] - '0');
    if (n == 0)
        return false;
    for (size_t i = n; i < 9; i++)
        value *= 10;
    *text = sv_slice(*text, n, text->n);
    *out_ns = value;
    return true;
}

static bool take_offset(struct sv *text, int *out_s)
{
    bool west = text->n && text->p[0] == '-';
    uint32_t hours, minutes;

    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *out_s = 0;
        return true;
    }
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    if (!take_number(text, 2, &hours) || !take_char(text, ':') || !take_number(text, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *out_s = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

bool rfc3339_parse(struct sv text, int64_t *out_ns)
{
    uint32_t year, month, day, hour, minute, second;
    int64_t fraction = 0;
    int offset;

    if (!take_number(&text, 4, &year) || !take_char(&text, '-') || !take_number(&text, 2, &month) ||
        !take_char(&text, '-') || !take_number(&text, 2, &day))
        return false;
    if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
        return false;
    if (!take_number(&text, 2, &hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, &minute) || !take_char(&text, ':') ||
        !take_number(&text, 2, &second))
        return false;
    if (take_char(&text, '.') && !take_fraction(&text, &fraction))
        return false;
    if (!take_offset(&text, &offset) || text.n)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 ||
        year < 1700 || year > 2260) /* what fits nanoseconds in 64 bits */
        return false;
    *out_ns = ((days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) - offset) *
                  NS_PER_S +
              fraction;
    return true;
}
