/*
 * Standard output: data only (reference: cli section 2.5). Text is collected and written in large
 * pieces; main() flushes at the end and reports a failed write (a full disk, for example).
 */
#ifndef PROG_LIMACTL_OUTPUT_H
#define PROG_LIMACTL_OUTPUT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

void output_put(struct sv text);
void output_puts(const char *text);
void output_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Writes what was collected. A reader that went away is no error. */
bool output_flush(struct err **errp);

/* Colours and indentation as for a person: a terminal, or $_LIMA_OUTPUT_IS_TTY. */
bool output_is_tty(void);

#endif
