/*
 * Confines the process for the rest of its life: an empty root in a user and mount namespace of its
 * own, no capabilities, no new privileges. Where namespaces are forbidden, Landlock takes every path
 * away, those of exports included; where that is missing too, the system call filter (seccomp.h)
 * remains. It is installed later, when the threads run.
 */
#ifndef PROG_DEVICES_SANDBOX_H
#define PROG_DEVICES_SANDBOX_H

#include "base/err.h"
#include "wire/devctl.h"

/* Call it before any thread is started. Fails only when the filter could not be had. */
bool sandbox_enter(enum devctl_sandbox *out_level, struct err **errp) MUST_USE;

#endif
