/*
 * The conversation with the guest's agent that repeats changes of the host (fuse/echo.h,
 * wire/echo.h), in the thread that serves files.
 *
 *     new (before the system call filter) -> start (in the thread) -> take_agent ... -> free
 */
#ifndef PROG_DEVICES_ECHO_H
#define PROG_DEVICES_ECHO_H

#include "fuse/server.h"
#include "sys/evloop.h"

struct echo;

/* Both are borrowed. Where the host cannot watch folders, agents are turned away. */
struct echo *echo_new(struct evloop *loop, struct fuse_server *server);
void echo_free(struct echo *e);

/* A stream to the agent; the one before is closed. */
void echo_take_agent(struct echo *e, int take_fd);
/* The export is no more. */
void echo_export_gone(struct echo *e, const char *name);

#endif
