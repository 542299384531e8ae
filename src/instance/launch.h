/*
 * Starts the host agent of an instance and waits until it reports readiness.
 *
 * The host agent is a process of its own that outlives us: killing limactl at any moment leaves it
 * alone. It is told from dead ones by a pidfd, and speaks through its two logs (follow.h).
 *
 *     struct launch_agent agent = LAUNCH_NONE;
 *
 *     ok = launch_spawn(&launch, &agent, errp) && launch_wait(&launch, &agent, errp);
 *     launch_agent_done(&agent);
 */
#ifndef INSTANCE_LAUNCH_H
#define INSTANCE_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "svc/fetch/progress.h"
#include "sys/proc.h"

struct launch {
    const char *name, *dir; /* all members are borrowed */
    const char *limactl;    /* the program that becomes the host agent */
    bool debug;
    bool cloud_init;         /* tell about cloud-init and wait for its end */
    const char *guest_agent;     /* binary for the seed; NULL = none */
    const char *nerdctl_archive; /* likewise */
    int64_t timeout_ns;      /* for readiness; 0 or less = 10 minutes */
    struct progress *progress; /* takes the notes; may be NULL */
};

struct launch_agent {
    struct proc proc;
    int64_t begin_ns; /* since 1970 */
    bool is_child;    /* ours to reap */
};
#define LAUNCH_NONE ((struct launch_agent){ .proc = PROC_NONE })

/* Recreates the logs and starts the host agent in a process group of its own. */
bool launch_spawn(const struct launch *launch, struct launch_agent *out, struct err **errp) MUST_USE;
/* Takes a host agent that is running already; its log is read from the beginning. */
bool launch_attach(const struct launch *launch, pid_t pid, struct launch_agent *out,
                   struct err **errp) MUST_USE;
/* Until the event "running". Fails when the host agent ends or reports degradation, and with
 * ERR_TIMEOUT; it keeps running in the last two cases. */
bool launch_wait(const struct launch *launch, struct launch_agent *agent,
                 struct err **errp) MUST_USE;
void launch_agent_done(struct launch_agent *agent);
/* Whether the log of the host agent in dir lacks the event "running" as yet. False when events go to
 * a terminal. */
bool launch_is_waiting(const char *dir);

/* Becomes the host agent; returns only on failure. With a terminal as standard input events and log
 * lines go to the terminal, else into the log files. */
bool launch_foreground(const struct launch *launch, struct err **errp) MUST_USE;

#endif
