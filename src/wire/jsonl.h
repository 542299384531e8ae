/*
 * One JSON value per line: a splitter for bytes that arrive in pieces. Used for QMP and for event
 * logs, so a bad line is reported and skipped, and reading goes on with the next one.
 *
 *     struct jsonl lines = { .limit = 64 * 1024 };
 *
 *     jsonl_feed(&lines, mem, n);
 *     while ((status = jsonl_next(&lines, &value, &err)) != JSONL_MORE)
 *         ...
 *     jsonl_done(&lines);
 *
 * Lines end with LF, blanks around the value are allowed, blank lines are skipped. Memory in use is
 * bounded by limit plus what one jsonl_feed() call brings, provided that the caller takes all
 * values between two feeds.
 */
#ifndef WIRE_JSONL_H
#define WIRE_JSONL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/sb.h"

struct jsonl {
    size_t limit; /* longest line in bytes; 0 = none */
    /* private */
    struct sb buf;
    size_t start;   /* of the first line that was not taken */
    size_t scanned; /* up to here there is no LF after start */
    bool skipping;  /* inside a line that was too long and has been reported */
};

enum jsonl_status {
    JSONL_MORE,  /* no complete line is left */
    JSONL_VALUE, /* *out_value is the caller's */
    JSONL_BAD,   /* ERR_PROTOCOL: the line was not JSON or too long; it is gone */
};

void jsonl_feed(struct jsonl *j, const void *mem, size_t n);
enum jsonl_status jsonl_next(struct jsonl *j, json_t **out_value, struct err **errp) MUST_USE;
void jsonl_done(struct jsonl *j);

#endif
