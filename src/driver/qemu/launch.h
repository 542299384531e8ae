/*
 * Starting the processes of a virtual machine: sockets first, then `devices`, then QEMU, so that
 * nothing has to be waited for. Sockets that others connect to are bound and listened on here, and
 * inherited: a connection is never refused, however early it is made.
 */
#ifndef DRIVER_QEMU_LAUNCH_H
#define DRIVER_QEMU_LAUNCH_H

#include "base/err.h"
#include "driver/qemu/argv.h"
#include "driver/qemu/served.h"
#include "sys/proc.h"

struct qemu_launched {
    struct proc qemu;
    struct proc devices; /* PROC_NONE when the machine does not use it */
    int qmp_fd;          /* connected: QEMU accepts when it is ready */
};

/* Starts both; each lives in a session of its own and outlives us. On failure nothing is left. */
bool qemu_launch(const struct qemu_machine *m, struct qemu_launched *out,
                 struct err **errp) MUST_USE;

/* A device process for a machine that runs already: out_fds are to become QEMU's ends, -1 when it
 * has no such device. */
bool qemu_launch_devices(const char *dir, bool has_files, struct proc *out,
                         int out_fds[QEMU_SERVED_COUNT], struct err **errp) MUST_USE;

/* Connects to the QMP socket of a running machine. */
bool qemu_connect_qmp(const char *dir, int *out_fd, struct err **errp) MUST_USE;

/* The last words of QEMU, on one line and safe to print; without its warnings if it said more than
 * those, "" when it said nothing. Owned. */
char *qemu_last_words(const char *dir);

/* Removes pid files and sockets of a machine that is gone. */
void qemu_remove_traces(const char *dir);

#endif
