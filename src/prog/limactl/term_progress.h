/*
 * Progress on standard error: a bar on a terminal with text logs, one line per task elsewhere. Notes
 * become log lines.
 *
 *     struct term_progress progress;
 *
 *     term_progress_init(&progress);
 *     ... pass &progress.base ...
 */
#ifndef PROG_LIMACTL_TERM_PROGRESS_H
#define PROG_LIMACTL_TERM_PROGRESS_H

#include "svc/fetch/progress.h"

struct term_progress {
    struct progress base;
    char *what; /* of the task that is shown; NULL = none */
    enum progress_unit unit;
    uint64_t begun_ns, drawn_ns;
    uint64_t done, total;
    bool bar; /* draw one */
    bool drawn; /* a bar is on the current line */
};

void term_progress_init(struct term_progress *progress);

#endif
