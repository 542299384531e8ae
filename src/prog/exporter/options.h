/*
 * The command line of `exporter`:
 *
 *     exporter --reply-fd N [--read-only] PATH
 *     exporter --sftp [--server PROGRAM] [--id N] [--read-only] [--follow-links] PATH
 */
#ifndef PROG_EXPORTER_OPTIONS_H
#define PROG_EXPORTER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct exporter_options {
    const char *path; /* absolute; texts are borrowed from the arguments */
    bool read_only;
    int reply_fd; /* -1 with sftp */

    bool sftp;          /* serve the folder on stdin and stdout */
    const char *server; /* OpenSSH's server; NULL = our own */
    uint32_t id; /* the client's user and group, to whom this user's files belong; 0 = as here */
    bool follow_links;
};

bool exporter_options_parse(char *const *args, struct exporter_options *out,
                            struct err **errp) MUST_USE;

#endif
