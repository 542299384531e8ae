/*
 * Follows a growing text file line by line, blocking, for programs without a loop.
 *
 * Starts at the beginning; continues when the file appears later, and starts over when it is
 * truncated or replaced. Wake-ups come from inotify. Lines are at most 1 MiB; a longer one is
 * ERR_INVALID.
 *
 *     struct tail *tail = tail_new(path, 0, errp);
 *     while (tail_next(tail, deadline_ms, -1, &line, errp)) ...
 */
#ifndef SYS_TAIL_H
#define SYS_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"

struct tail;

/* offset: where to begin in the file as it is now. */
struct tail *tail_new(const char *path, uint64_t offset, struct err **errp) MUST_USE;
void tail_free(struct tail *tail);
AUTO_DECLARE(struct tail, tail);
#define auto_tail AUTO_CALL(tail_auto)

enum tail_result {
    TAIL_LINE,    /* *out_line without its line feed, borrowed until the next call */
    TAIL_TIMEOUT, /* deadline passed */
    TAIL_WOKEN,   /* wake_fd became readable and no line is left: a process ended, a signal came */
    TAIL_FAILED,  /* *errp says why */
};
/* timeout_ms -1 = for ever, 0 = only what is there. wake_fd is polled along, -1 = none. */
enum tail_result tail_next(struct tail *tail, int timeout_ms, int wake_fd, struct sv *out_line,
                           struct err **errp) MUST_USE;
/* Bytes consumed by the lines handed out so far. */
uint64_t tail_offset(const struct tail *tail);
/* For outer poll loops: readable when tail_next() with timeout 0 may have news. Borrowed. */
int tail_fd(const struct tail *tail);

#endif
