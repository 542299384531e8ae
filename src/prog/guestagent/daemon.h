/*
 * The daemon: keeps the link to the host agent, tells it the phases, does what it asks.
 */
#ifndef PROG_GUESTAGENT_DAEMON_H
#define PROG_GUESTAGENT_DAEMON_H

#include "base/err.h"
#include "prog/guestagent/options.h"

/* Runs until SIGTERM or SIGINT. After an update it becomes the new program with the same argv. */
bool daemon_run(const struct options *options, char *const *argv, struct err **errp) MUST_USE;

#endif
