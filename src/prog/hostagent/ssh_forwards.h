/*
 * Forwards that ssh makes (LIMA_SSH_PORT_FORWARDER=true, plain mode, and where there is no vsock):
 * a queue of "ssh -O forward" and "ssh -O cancel", one at a time. The shared connection is made
 * when there is none. Forwards end with it, at the latest.
 *
 * No callback comes from inside a call. ssh_forwards_close() may be called at any time and on NULL;
 * no callback follows.
 */
#ifndef PROG_HOSTAGENT_SSH_FORWARDS_H
#define PROG_HOSTAGENT_SSH_FORWARDS_H

#include "prog/hostagent/ssh_task.h"

struct ssh_forwards;

/* err is NULL on success, and borrowed. */
typedef void (*ssh_forwards_fn)(void *arg, const struct err *err);

/* What params points to is borrowed for the life of the object, on_end and arg are not used. */
struct ssh_forwards *ssh_forwards_open(const struct ssh_task_params *params, const char *inst_dir);
void ssh_forwards_close(struct ssh_forwards *q);

/* how is "-L" or "-R", borrowed for ever; spec is copied. script, which may be NULL, is run in the
 * guest before. */
void ssh_forwards_add(struct ssh_forwards *q, const char *how, const char *spec, const char *script,
                      ssh_forwards_fn on_done, void *arg);
/* Undoes it; the callback of an add that has not ended does not come any more. */
void ssh_forwards_cancel(struct ssh_forwards *q, const char *how, const char *spec);

#endif
