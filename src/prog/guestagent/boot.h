/*
 * Grows the root file system to the size of its disk and runs boot.sh of the seed, once per boot,
 * in images that the agent itself started.
 */
#ifndef PROG_GUESTAGENT_BOOT_H
#define PROG_GUESTAGENT_BOOT_H

#include "base/err.h"

/* Waits for its end. The output goes where users of cloud images look for it. False with ERR_CHILD
 * when a script failed. The markers of wire/initrd.h are there afterwards, whatever boot.sh did. */
bool boot_run(struct err **errp) MUST_USE;

#endif
