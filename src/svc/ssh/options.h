/*
 * Options of ssh for an instance, in the order Lima gives them (reference: cli section 9.1, runtime
 * section 22): "KEY=VALUE" each, to be put behind -o. Everything here is pure.
 *
 *     ssh -F /dev/null -o OPT -o OPT ... [EXTRA] -p PORT 127.0.0.1 -- COMMAND
 */
#ifndef SVC_SSH_OPTIONS_H
#define SVC_SSH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "svc/ssh/ssh_client.h"

#define SSH_ADDRESS "127.0.0.1"

/* What an instance says about ssh. All is borrowed. */
struct ssh_params {
    const struct strv *identities; /* ssh_keys_identities() */
    const char *user;              /* in the guest */
    const char *inst_dir;          /* the control socket is in it */
    bool forward_agent, forward_x11, forward_x11_trusted;
};

/* Appends the options. ERR_INVALID when a value has a line break. */
bool ssh_options(const struct ssh_client *client, const struct ssh_params *params, struct strv *out,
                 struct err **errp) MUST_USE;
/* The same without a shared connection: the three Control options say so, in front. */
void ssh_options_without_master(const struct strv *options, struct strv *out);

/* Appends "PROGRAM -F /dev/null -o OPT ... -o SendEnv=COLORTERM". */
void ssh_argv_begin(const struct strv *program, const struct strv *options, struct strv *argv);
/* Appends "-p PORT ADDRESS". */
void ssh_argv_target(uint16_t port, const char *address, struct strv *argv);

/* "PROGRAM OPTIONS -O ORDER -p PORT ADDRESS": "check" names the process of the shared connection,
 * "exit" ends it. */
void ssh_argv_master(const struct strv *program, const struct strv *options, const char *order,
                     uint16_t port, const char *address, struct strv *argv);
/* "PROGRAM OPTIONS -p PORT ADDRESS -- WORDS": ssh joins the words with blanks for the login shell
 * of the guest. */
void ssh_argv_command(const struct strv *program, const struct strv *options, uint16_t port,
                      const char *address, const char *const *words, struct strv *argv);

#endif
