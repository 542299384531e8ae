/*
 * Running a script in the guest: it goes over standard input to the interpreter of its "#!" line, so
 * its size and its quotes do not matter.
 *
 * The interpreter can be started by a line of shell that first exports the instance's parameters
 * (param.env of the seed), as for Lima's probes (reference: runtime section 4). Pure.
 */
#ifndef SVC_SSH_SCRIPT_H
#define SVC_SSH_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/sv.h"

/* The interpreter of the first line, "#!/bin/sh -e" for example: "/bin/sh -e". ERR_INVALID without
 * one. */
bool ssh_script_interpreter(struct sv script, struct sv *out, struct err **errp) MUST_USE;

/* Appends "PROGRAM OPTIONS -p PORT ADDRESS -- INTERPRETER"; with_params puts the exports around it. */
bool ssh_script_argv(const struct strv *program, const struct strv *options, uint16_t port,
                     const char *address, struct sv script, bool with_params, struct strv *argv,
                     struct err **errp) MUST_USE;

#endif
