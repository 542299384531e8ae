/*
 * OpenSSH's SFTP server, a program that sshd runs and that is not in PATH (reference: runtime
 * section 20.1).
 */
#ifndef SVC_SSH_SFTP_SERVER_H
#define SVC_SSH_SFTP_SERVER_H

#include <stdbool.h>

#include "base/err.h"

enum sftp_driver { SFTP_DRIVER_AUTO, SFTP_DRIVER_BUILTIN, SFTP_DRIVER_OPENSSH };

/* "builtin", "openssh-sftp-server", or "" (also NULL) for OpenSSH's where there is one. */
bool sftp_driver_parse(const char *name, enum sftp_driver *out, struct err **errp) MUST_USE;
/* The program of the driver: owned; NULL for our own. ERR_NOT_FOUND when there is none. */
bool sftp_server_find(enum sftp_driver driver, char **out_path, struct err **errp) MUST_USE;

#endif
