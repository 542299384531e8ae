#include "wire/jsonl.h"

#include <string.h>

#include "base/quote.h"

enum { QUOTED_MAX = 120 }; /* bytes of a bad line that are worth a place in a message */

void jsonl_feed(struct jsonl *j, const void *mem, size_t n)
{
    if (j->start) {
        sb_consume(&j->buf, j->start);
        j->scanned -= j->start;
        j->start = 0;
    }
    if (n)
        sb_put_mem(&j->buf, mem, n);
}

/* Cuts the next line off, without its LF. */
static bool jsonl_take_line(struct jsonl *j, struct sv *out)
{
    const char *end = NULL;

    if (j->scanned < j->buf.n)
        end = memchr(j->buf.p + j->scanned, '\n', j->buf.n - j->scanned);
    if (!end) {
        j->scanned = j->buf.n;
        return false;
    }

    size_t stop = (size_t)(end - j->buf.p);

    *out = (struct sv){ j->buf.p + j->start, stop - j->start };
    j->start = j->scanned = stop + 1;
    return true;
}

static bool jsonl_is_too_long(const struct jsonl *j, size_t n)
{
    return j->limit && n > j->limit;
}

static enum jsonl_status jsonl_parse(struct sv line, json_t **out_value, struct err **errp)
{
    json_error_t why;
    json_t *value = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

    if (!value) {
        auto_mem char *quoted = quote_printable(line, QUOTED_MAX);

        err_set(errp, ERR_PROTOCOL, "not JSON: %s: \"%s\"", why.text, quoted);
        return JSONL_BAD;
    }
    *out_value = value;
    return JSONL_VALUE;
}

enum jsonl_status jsonl_next(struct jsonl *j, json_t **out_value, struct err **errp)
{
    struct sv line;

    while (jsonl_take_line(j, &line)) {
        if (j->skipping) {
            j->skipping = false;
            continue;
        }
        if (jsonl_is_too_long(j, line.n)) {
            err_set(errp, ERR_PROTOCOL, "a line of %zu bytes exceeds the limit of %zu", line.n,
                    j->limit);
            return JSONL_BAD;
        }
        line = sv_trim(line);
        if (line.n)
            return jsonl_parse(line, out_value, errp);
    }

    if (!jsonl_is_too_long(j, j->buf.n - j->start))
        return JSONL_MORE;

    bool reported = j->skipping;

    j->skipping = true;
    j->start = j->scanned = j->buf.n;
    if (reported)
        return JSONL_MORE;
    err_set(errp, ERR_PROTOCOL, "a line exceeds the limit of %zu bytes", j->limit);
    return JSONL_BAD;
}

void jsonl_done(struct jsonl *j)
{
    sb_done(&j->buf);
    *j = (struct jsonl){ 0 };
}
