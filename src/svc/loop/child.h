/*
 * A child process on the loop: struct cmd of sys/proc.h, started, watched and reaped.
 *
 * on_exit comes once, after which the owner closes the child. What arrived on captured outputs (kind
 * PIPE) until the process ended is handed over; descendants that keep a pipe open are not waited
 * for. child_close() may be called from every callback and on NULL; a process that still runs is
 * killed, with its group if it has one of its own, and reaped in the background. No callback
 * follows, and the memory goes by itself.
 */
#ifndef SVC_LOOP_CHILD_H
#define SVC_LOOP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sv.h"
#include "sys/proc.h"

struct child;
struct uv_loop_s;

struct child_exit {
    int status;       /* 0-255, or 128 + signal */
    bool timed_out;   /* killed at cmd.deadline_ms */
    struct sv out, err; /* captured, at most cmd.out.limit and cmd.err.limit bytes */
};

struct child_events {
    void (*on_exit)(void *arg, const struct child_exit *exit);
    /* Instead of capturing: each line of stdout as it comes, without its end; cut at cmd.out.limit
     * bytes. May be NULL. */
    void (*on_line)(void *arg, struct sv line);
};

/* cmd is borrowed for the call, events for the life of the child. An input of kind PIPE is empty. */
struct child *child_open(struct uv_loop_s *loop, const struct cmd *cmd,
                         const struct child_events *events, void *arg, struct err **errp);
pid_t child_pid(const struct child *child);
/* To the process, or its group if it has one of its own. */
void child_signal(struct child *child, int signum);
void child_close(struct child *child);

/* Turns an exit other than 0 into an error: "NAME failed with exit status 1: last words". */
bool child_exit_check(const struct child_exit *exit, const char *name, struct err **errp) MUST_USE;

#endif
