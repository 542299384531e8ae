/*
 * A root directory for OpenSSH's SFTP server, in memory and read-only: the shared folder at its own
 * path, the directories of the system's libraries, the program, /dev/null, and an /etc/passwd with
 * one line, without which that server does not start.
 */
#ifndef PROG_EXPORTER_SERVER_ROOT_H
#define PROG_EXPORTER_SERVER_ROOT_H

#include <stdbool.h>

#include "base/err.h"

/* In a mount namespace of which this process is the master. The folder's mount is put in its
 * place; program is an absolute path. */
bool server_root_enter(const char *location, int folder_fd, const char *program,
                       struct err **errp) MUST_USE;

#endif
