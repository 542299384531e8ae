/*
 * Boot, second half, in the real root: seed, network, and the next init.
 */
#ifndef PROG_GUESTAGENT_SETUP_H
#define PROG_GUESTAGENT_SETUP_H

#include "prog/guestagent/cmdline.h"
#include "prog/guestagent/report.h"

/* Log lines go into the kernel's log: from there they reach the console, and later the journal. */
void setup_log(void);

/* Goes on as the next init, with or without a seed. Returns only when there is none to go on with.
 */
void setup_run(const struct cmdline *cmdline, struct report *report, struct err **errp);

/* The same for an agent that an older one found on the seed and executed: takes over its phases. */
void setup_resume(struct err **errp);

#endif
