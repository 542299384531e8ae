/*
 * Mounts that the host agent asks for while the guest runs. One after the other, each by a
 * process of its own (this program with the verb mount or unmount): looking at a folder may take as
 * long as the host needs, and the daemon must go on.
 */
#ifndef PROG_GUESTAGENT_SHARE_JOBS_H
#define PROG_GUESTAGENT_SHARE_JOBS_H

#include <stdbool.h>

#include "prog/guestagent/link.h"
#include "sys/evloop.h"

struct share_jobs;

/* Both are borrowed. */
struct share_jobs *share_jobs_new(struct evloop *loop, struct link *link);
/* Processes that run come to their end alone. */
void share_jobs_free(struct share_jobs *jobs);

/* Takes MOUNT and UNMOUNT; false for other messages. */
bool share_jobs_take_message(struct share_jobs *jobs, const struct guest_msg *msg);

#endif
