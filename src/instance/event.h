/*
 * Lines of a host agent's two logs, decoded: events (ha.stdout.log, reference: runtime section 3) and
 * log lines (ha.stderr.log). Pure. The text comes from another program and may carry a guest's words,
 * so unknown members are skipped, wrong types are errors, and nothing is believed about sizes.
 */
#ifndef INSTANCE_EVENT_H
#define INSTANCE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/strv.h"
#include "base/sv.h"

struct event {
    int64_t time_ns; /* since 1970 */
    bool running, degraded, exiting;
    struct strv errors;
    int64_t ssh_port; /* 0 = not told */
    bool has_progress;
    bool progress_completed;
    char *progress_line; /* of cloud-init; may be NULL */
};

/* One line without its line end. ERR_PROTOCOL when it is not an event. On failure *out is empty. */
bool event_decode(struct sv line, struct event *out, struct err **errp) MUST_USE;
void event_done(struct event *event);

struct event_log {
    int64_t time_ns; /* 0 = not told */
    enum log_level level; /* at most LOG_ERROR: somebody else's fatal is not ours */
    char *text;
    struct log_field *fields; /* keys and values point into texts */
    size_t n_fields;
    struct strv texts;
};

/* Whatever is not a log line in JSON becomes the text of one at info. */
void event_log_decode(struct sv line, struct event_log *out);
void event_log_done(struct event_log *log);

#endif
