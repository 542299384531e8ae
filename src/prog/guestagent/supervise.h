/*
 * Process 1 of a system without an init: keeps the services of /etc/inittab and the agent's daemon
 * running, runs the boot scripts once, reaps orphans, ends the machine when the power button or a
 * signal asks for it (SIGUSR2, SIGPWR and the button: off; SIGTERM, SIGINT: reboot; SIGUSR1: halt;
 * as the programs of busybox send them).
 */
#ifndef PROG_GUESTAGENT_SUPERVISE_H
#define PROG_GUESTAGENT_SUPERVISE_H

#include "prog/guestagent/seed.h"

/* The seed may be empty (all zero), when there was none. */
_Noreturn void supervise_run(const struct seed *seed);

#endif
