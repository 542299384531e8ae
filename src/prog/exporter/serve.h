/*
 * Serves a folder over SFTP on the standard input and output, from a process that has nothing else.
 *
 * With our own server the root is empty, only a descriptor leads to the folder, and the system call
 * filter lists what the server needs. OpenSSH's server gets a root that has the folder at its
 * place, the system's libraries, read-only, and little else (server_root.h); it cannot make
 * sockets, signal or look at other processes. Either way: a user, mount, network and IPC namespace
 * of their own, no capabilities, a folder that the kernel keeps read-only where asked.
 */
#ifndef PROG_EXPORTER_SERVE_H
#define PROG_EXPORTER_SERVE_H

#include "prog/exporter/options.h"

/* Until the client hangs up. With a program of its own it does not return but to fail. */
bool serve_folder(const struct exporter_options *o, struct err **errp) MUST_USE;

#endif
