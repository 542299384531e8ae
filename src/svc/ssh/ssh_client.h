/*
 * The OpenSSH client of this host: which program, which version, what it can do. Options depend on
 * it (options.h).
 */
#ifndef SVC_SSH_SSH_CLIENT_H
#define SVC_SSH_SSH_CLIENT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/semver.h"
#include "base/strv.h"

struct ssh_client {
    struct strv argv; /* the program and arguments that always come first */
    struct semver version; /* 0.0.0 when the program does not tell */
    bool has_gssapi;  /* knows GSSAPIAuthentication */
    bool has_aes;     /* this processor has AES instructions */
};

/* The command of the variable SSH (split like a shell line); "ssh" without it, and when it cannot be
 * split, which is logged. */
void ssh_client_command(struct strv *out);
/* Runs "ssh -V". ERR_NOT_FOUND, with a hint, when there is no such program. */
bool ssh_client_probe(struct ssh_client *out, struct err **errp) MUST_USE;
void ssh_client_done(struct ssh_client *client);
#define auto_ssh_client AUTO_CALL(ssh_client_done)

/* Pure: version and GSSAPI from what "ssh -o GSSAPIAuthentication=no -V" writes to stderr. */
void ssh_client_parse(struct ssh_client *client, const char *stderr_text);

/* LogLevel that keeps ssh quiet about host keys: QUIET before OpenSSH 8.9, ERROR since. */
const char *ssh_client_log_level(const struct ssh_client *client);

#endif
