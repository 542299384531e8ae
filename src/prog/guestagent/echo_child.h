/*
 * The process that repeats changes of the host (echo.h): started when the host agent asks for it,
 * and again, with growing pauses, when it ends. It stays when the link to the host agent ends.
 */
#ifndef PROG_GUESTAGENT_ECHO_CHILD_H
#define PROG_GUESTAGENT_ECHO_CHILD_H

#include "sys/evloop.h"

struct echo_child;

/* The loop is borrowed. */
struct echo_child *echo_child_new(struct evloop *loop);
/* The process ends, too. */
void echo_child_free(struct echo_child *c);

/* Does nothing when it runs. */
void echo_child_start(struct echo_child *c);

#endif
