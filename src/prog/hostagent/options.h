/*
 * Command line of the host agent (reference: runtime section 2.4). Pure.
 */
#ifndef PROG_HOSTAGENT_OPTIONS_H
#define PROG_HOSTAGENT_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"

/* Texts are borrowed from argv. */
struct options {
    bool debug;
    bool run_gui;
    bool progress;
    const char *pid_path;        /* NULL = no pid file */
    const char *socket_path;     /* never NULL */
    const char *guest_agent;     /* for the seed; NULL = none */
    const char *nerdctl_archive; /* for the seed; NULL = none */
    const char *name;            /* the instance; never NULL */
};

/* argv[0] is skipped. ERR_INVALID. */
bool options_parse(struct options *out, char *const *argv, struct err **errp) MUST_USE;

#endif
