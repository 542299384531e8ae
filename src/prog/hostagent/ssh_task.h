/*
 * Small things done once over ssh, through the shared connection. on_end comes once; err is NULL on
 * success and borrowed. ssh_task_close() may be called from it, earlier, and on NULL.
 */
#ifndef PROG_HOSTAGENT_SSH_TASK_H
#define PROG_HOSTAGENT_SSH_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "prog/hostagent/guest_ssh.h"

struct ssh_task;
struct uv_loop_s;

struct ssh_task_params {
    struct uv_loop_s *loop;
    struct guest_ssh ssh;
    void (*on_end)(void *arg, const struct err *err);
    void *arg;
};

/* Ends the shared connection. */
struct ssh_task *ssh_task_exit_master(const struct ssh_task_params *params, struct err **errp);
/* Adds a forward to the shared connection, or cancels one. how is "-L" or "-R", spec what ssh wants
 * behind it. */
struct ssh_task *ssh_task_forward(const struct ssh_task_params *params, bool cancel,
                                  const char *how, const char *spec, struct err **errp);
/* Makes guest_path, a Unix socket of the guest, reachable as host_path, which must not exist. */
struct ssh_task *ssh_task_forward_socket(const struct ssh_task_params *params,
                                         const char *host_path, const char *guest_path,
                                         struct err **errp);
/* Runs a script of ours in the guest. */
struct ssh_task *ssh_task_script(const struct ssh_task_params *params, const char *script,
                                 struct err **errp);
void ssh_task_close(struct ssh_task *task);

#endif
