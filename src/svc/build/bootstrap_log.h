/*
 * Reads along in the output of mmdebstrap: which phase, how far, and why it failed. Pure.
 */
#ifndef SVC_BUILD_BOOTSTRAP_LOG_H
#define SVC_BUILD_BOOTSTRAP_LOG_H

#include <stdbool.h>

#include "base/sv.h"

enum bootstrap_phase {
    BOOTSTRAP_START,
    BOOTSTRAP_LISTS,
    BOOTSTRAP_DOWNLOAD,
    BOOTSTRAP_EXTRACT,
    BOOTSTRAP_INSTALL,
    BOOTSTRAP_PACK,
    BOOTSTRAP_PHASE_COUNT,
};

/* "downloading packages" */
const char *bootstrap_phase_text(enum bootstrap_phase phase);

struct bootstrap_log {
    enum bootstrap_phase phase;
    unsigned done, total; /* steps of the phase; total 0 = unknown */
    char *reason;         /* the best explanation of a failure so far; NULL = none */
    int reason_rank;
    char *last_line;      /* of a tool, not of mmdebstrap itself */
};

/* A line without its line feed; true when phase, done or total changed. */
bool bootstrap_log_line(struct bootstrap_log *log, struct sv line);
void bootstrap_log_done(struct bootstrap_log *log);

#endif
