/*
 * The shared connection of an instance: ssh leaves a "control master" process behind that later
 * calls go through (DIR/ssh.sock).
 */
#ifndef SVC_SSH_MASTER_H
#define SVC_SSH_MASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

/* Asks the master to end, and waits until its process and its socket are gone; does nothing when there
 * is none. A socket that nobody listens on is removed. ERR_CHILD, ERR_TIMEOUT. */
bool ssh_master_exit(const struct strv *program, const struct strv *options, const char *inst_dir,
                     uint16_t port, const char *address, struct err **errp) MUST_USE;

enum ssh_master_state {
    SSH_MASTER_NONE,  /* no socket; a dead one has been removed */
    SSH_MASTER_ALIVE,
};
enum ssh_master_state ssh_master_probe(const char *inst_dir);

#endif
