/*
 * Signals as data: block them and read them from a descriptor.
 */
#ifndef SYS_SIG_H
#define SYS_SIG_H

#include <stdbool.h>

#include "base/err.h"

/* Writing to a closed socket fails with EPIPE instead of ending the process. */
void sig_ignore_pipe(void);
/* Blocks the signals of the list (ends with 0) and gives a non-blocking signalfd for them. */
bool sig_open(const int *signals, int *out_fd, struct err **errp) MUST_USE;
/* The next signal, 0 when there is none. */
int sig_read(int fd);
/* "SIGTERM"; "a signal" for the rarer ones. */
const char *sig_name(int signum);

#endif
