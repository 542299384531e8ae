/*
 * Pid files: decimal process id and a line feed, as Lima writes them.
 *
 * The number alone proves nothing (ids are reused, files outlive a power cut), so our daemons keep
 * the file locked while they live; QEMU locks its own likewise. A file whose lock is held is live.
 * One without a lock (written by other programs) counts as live when a process of that id exists
 * that is not younger than the file.
 */
#ifndef SYS_PIDFILE_H
#define SYS_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* ERR_NOT_FOUND when absent, ERR_INVALID when it holds no process id. */
bool pidfile_read(const char *path, pid_t *out_pid, struct err **errp) MUST_USE;

enum pidfile_state {
    PIDFILE_NONE,  /* no such file, or unreadable content */
    PIDFILE_STALE, /* its process is gone */
    PIDFILE_LIVE,
};
/* *out_pid (may be NULL) is the process for LIVE, else 0. */
enum pidfile_state pidfile_probe(const char *path, pid_t *out_pid);

/* Writes our id; a stale file is replaced, a live one is ERR_BUSY. The descriptor holds the lock:
 * keep it open until pidfile_release(). */
bool pidfile_acquire(const char *path, int *out_fd, struct err **errp) MUST_USE;
/* Names a process that was just started and will create, lock and write the file itself, in its own
 * time. A file that is there is its own: remove a stale one before the start. */
bool pidfile_announce(const char *path, pid_t pid, struct err **errp) MUST_USE;
/* Removes the file and closes the descriptor. */
void pidfile_release(const char *path, int fd);

#endif
