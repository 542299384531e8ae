/*
 * Changes made on the host in writable folders of the configuration, told to the guest's agent,
 * which sets the times of the files that have changed (mountInotify): for types 9p and
 * reverse-sshfs, and where the file server cannot do better (fuse/echo.h). Files that are gone,
 * and those whose time of change is not later than what was told, are left out; so what the guest
 * sets does not come back as a change.
 *
 *     open -> (attach -> detach)* -> close
 */
#ifndef PROG_HOSTAGENT_TOUCHES_H
#define PROG_HOSTAGENT_TOUCHES_H

#include "model/config/instance.h"

struct guest_link;
struct touches;
struct uv_loop_s;

/* NULL when the configuration asks for nothing of that. The loop is borrowed. */
struct touches *touches_open(struct uv_loop_s *loop, const struct instance_config *config);
/* The agent in the guest's root has greeted: from now on it is told. NULL is allowed for t. */
void touches_attach(struct touches *t, struct guest_link *link);
void touches_detach(struct touches *t);
void touches_close(struct touches *t);

#endif
