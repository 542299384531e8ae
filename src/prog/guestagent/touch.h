/*
 * Sets the times of files that have changed on the host, as TOUCH tells (wire/guest.h): file
 * systems that another program serves raise no event for that.
 *
 * The file system may hang, with whoever touches it. So a process of its own does it, which reads
 * the messages from its standard input; what comes while it cannot keep up is dropped.
 */
#ifndef PROG_GUESTAGENT_TOUCH_H
#define PROG_GUESTAGENT_TOUCH_H

#include "base/err.h"
#include "wire/guest.h"

struct touch_child;

struct touch_child *touch_child_new(void);
void touch_child_free(struct touch_child *c);
/* Takes TOUCH; starts the process if need be. */
void touch_child_take(struct touch_child *c, const struct guest_msg *msg);

/* The process: true when its input ends. */
bool touch_run(struct err **errp) MUST_USE;

/* ERR_OS, ERR_INVALID. Follows no link below the mount point. */
bool touch_file(const struct guest_msg *msg, struct err **errp) MUST_USE;

#endif
