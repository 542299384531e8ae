/*
 * Follows the two logs of a host agent: hands out events, and repeats its log lines on ours with the
 * prefix "[hostagent] ". Blocking; wake-ups come from the files and from a descriptor of the caller.
 *
 *     struct follow *follow = follow_new(dir, begin_ns, errp);
 *     while (follow_next(follow, deadline_ns, pidfd, &event, errp) == FOLLOW_EVENT) ...
 *     follow_free(follow);
 */
#ifndef INSTANCE_FOLLOW_H
#define INSTANCE_FOLLOW_H

#include <stdint.h>

#include "base/err.h"
#include "instance/event.h"

struct follow;

/* dir: the instance directory; its logs need not exist yet. Events older than begin_ns (since 1970)
 * are skipped, log lines when they are older by a second. */
struct follow *follow_new(const char *dir, int64_t begin_ns, struct err **errp) MUST_USE;
void follow_free(struct follow *follow);
AUTO_DECLARE(struct follow, follow);
#define auto_follow AUTO_CALL(follow_auto)

enum follow_result {
    FOLLOW_EVENT,   /* *out is filled; event_done() it */
    FOLLOW_TIMEOUT, /* the deadline passed */
    FOLLOW_WOKEN,   /* wake_fd is readable and everything written before has been handed out */
    FOLLOW_FAILED,  /* *errp says why */
};
/* deadline_ns by host_monotonic_ns(); UINT64_MAX = none. wake_fd -1 = none. */
enum follow_result follow_next(struct follow *follow, uint64_t deadline_ns, int wake_fd,
                               struct event *out, struct err **errp) MUST_USE;

#endif
