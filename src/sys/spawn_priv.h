/*
 * The child's half of proc.h: everything is prepared before the fork, because the child shares our
 * memory until it executes the program and may only make system calls.
 */
#ifndef SYS_SPAWN_PRIV_H
#define SYS_SPAWN_PRIV_H

#include <signal.h>

#include "sys/proc.h"

struct spawn_move {
    int fd;     /* source; raised above every target on the way */
    int target;
};

/* A command turned into arguments of system calls. */
struct spawn_plan {
    char *path;
    struct strv env;
    char *const *argv; /* borrowed from the command */
    const char *cwd;   /* borrowed */
    unsigned flags;
    pid_t parent;
    int max_fd;     /* highest number an open descriptor can have, for kernels without close_range */
    int max_target;
    struct spawn_move *moves;
    size_t n_moves;

    /* Written by the child when it fails. */
    volatile int errnum;
    const char *volatile step; /* what failed */
};

bool spawn_plan_init(struct spawn_plan *plan, const struct cmd *cmd, const int std_fds[3],
                     struct err **errp) MUST_USE;
void spawn_plan_done(struct spawn_plan *plan);
#define auto_spawn_plan AUTO_CALL(spawn_plan_done)

/* The child's part: returns only on failure, with errnum and step set. */
void spawn_become(struct spawn_plan *plan);
bool spawn_failed(const struct spawn_plan *plan, struct err **errp);

/* Starts the plan in a new process; *out_pidfd is -1 where the kernel has none. */
bool spawn_start(struct spawn_plan *plan, pid_t *out_pid, int *out_pidfd, struct err **errp) MUST_USE;

#endif
