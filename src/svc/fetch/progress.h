/*
 * How long work (downloads, builds, conversions) tells its caller what it is doing.
 *
 * The caller embeds "struct progress" and fills in the functions; library code calls the wrappers
 * below, which accept NULL. One task is shown at a time: begin, any number of updates, end. Notes may
 * come at any time. Nothing here prints: prog/limactl/progress.h has the terminal's side.
 */
#ifndef SVC_FETCH_PROGRESS_H
#define SVC_FETCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

enum progress_unit {
    PROGRESS_BYTES,
    PROGRESS_STEPS, /* a plain number of total */
};

struct progress {
    /* what: "Downloading the image (debian.qcow2)"; borrowed during the call, like all texts. */
    void (*on_begin)(struct progress *progress, const char *what, enum progress_unit unit);
    /* total 0 = unknown. May be called often; the receiver limits its redraws. */
    void (*on_update)(struct progress *progress, uint64_t done, uint64_t total);
    void (*on_end)(struct progress *progress, bool ok);
    /* A line for the log. */
    void (*on_note)(struct progress *progress, enum log_level level,
                    const struct log_field *fields, size_t n_fields, const char *text);
};

void progress_begin(struct progress *progress, const char *what, enum progress_unit unit);
void progress_update(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress, bool ok);
void progress_note(struct progress *progress, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void progress_note_fields(struct progress *progress, enum log_level level,
                          const struct log_field *fields, size_t n_fields, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

#endif
