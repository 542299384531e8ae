/*
 * Confines the process for the rest of its life: an empty root in a user and mount namespace of its
 * own, no capabilities, no new privileges, and only the system calls of seccomp.c. Where namespaces
 * are forbidden, Landlock takes every path away; where that is missing too, the filter remains.
 */
#ifndef PROG_DEVICES_SANDBOX_H
#define PROG_DEVICES_SANDBOX_H

#include "base/err.h"
#include "wire/devctl.h"

/* Call it before any thread is started. Fails only when not even the filter can be had. */
bool sandbox_enter(enum devctl_sandbox *out_level, struct err **errp) MUST_USE;

#endif
