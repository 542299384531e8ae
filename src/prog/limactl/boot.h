/*
 * Starts an existing instance and waits until it is ready (reference: cli section 5.2, steps 2 to 8);
 * used by start, restart, edit and shell.
 */
#ifndef PROG_LIMACTL_BOOT_H
#define PROG_LIMACTL_BOOT_H

#include "prog/limactl/target.h"

struct boot {
    int64_t timeout_ns; /* 0 = default */
    bool cloud_init;    /* --progress */
    bool foreground;    /* become the host agent */
    bool quiet;         /* no READY line, no message */
};

/* target was inspected while lock was held. An instance that runs already is a success. */
bool boot_instance(struct target *target, const struct boot *boot, struct err **errp) MUST_USE;
/* Opens, locks and boots. */
bool boot_by_name(const char *name, const struct boot *boot, struct err **errp) MUST_USE;

#endif
