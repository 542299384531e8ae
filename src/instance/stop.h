/*
 * Stops an instance. Processes are held by pidfds from before the first signal until their end, so a
 * process id that was used again is never hit.
 */
#ifndef INSTANCE_STOP_H
#define INSTANCE_STOP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "svc/fetch/progress.h"

struct stop {
    const char *name, *dir; /* all members are borrowed */
    const char *driver;     /* vmType, for messages; "" = unknown */
    const char *driver_pid_name; /* pid file of the machine in dir; NULL = unknown */
    struct progress *progress;   /* takes the notes; may be NULL */
};

/* Asks the host agent to shut the guest down, follows its log and waits until both it and the machine
 * are gone. ERR_NOT_FOUND when no host agent runs, ERR_TIMEOUT when the guest does not obey. */
bool stop_graceful(const struct stop *stop, struct err **errp) MUST_USE;
/* Kills what runs and removes what such processes leave (*.pid, *.sock, *.tmp). Succeeds when nothing
 * runs. */
bool stop_forced(const struct stop *stop, struct err **errp) MUST_USE;

#endif
