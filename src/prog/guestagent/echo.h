/*
 * Repeats changes that were made on the host, in a process of its own (verb echo), so that programs
 * of the guest see them as file events: wire/echo.h tells the conversation. It works on the private
 * mount of share.h, which is writable for it, by directories that the host names by their number;
 * `devices` answers what is done there without touching the host.
 *
 * One thread, because the host knows the agent by it.
 */
#ifndef PROG_GUESTAGENT_ECHO_H
#define PROG_GUESTAGENT_ECHO_H

#include "base/err.h"

/* Until the connection ends, which is an error. */
bool echo_run(struct err **errp) MUST_USE;

#endif
