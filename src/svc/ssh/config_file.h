/*
 * DIR/ssh.config: a fragment for "ssh -F", so that people reach an instance with their own ssh
 * (reference: cli section 9.2, runtime section 22). Also the memory of the port an instance runs on.
 */
#ifndef SVC_SSH_CONFIG_FILE_H
#define SVC_SSH_CONFIG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

/* The lines "Host HOST", then one "  KEY VALUE" each, without comments; owned. Pure. */
char *ssh_config_body(const char *host, const struct strv *options, const char *address,
                      uint16_t port);
/* Writes path (0600) with three comment lines and the body. */
bool ssh_config_write(const char *path, const char *name, const char *host,
                      const struct strv *options, const char *address, uint16_t port,
                      struct err **errp) MUST_USE;
/* The value of the line "Port N"; ERR_NOT_FOUND when the file or the line is missing. */
bool ssh_config_read_port(const char *path, uint16_t *out_port, struct err **errp) MUST_USE;
/* Pure: the same from the text. */
bool ssh_config_find_port(const char *text, uint16_t *out_port);

#endif
