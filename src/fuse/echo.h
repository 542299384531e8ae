/*
 * Changes that others make to exported folders, told to the guest (mountInotify).
 *
 * The file server watches the directories that the guest knows, and only those: what the guest does
 * not know it cannot watch. A change becomes an order to an agent in the guest (wire/echo.h), which
 * repeats it on the mounted file system: makes the file, removes it, sets its times. The server
 * knows the agent by its thread, and the changes it was told to repeat by operation, directory and
 * name. Those it answers as if they were done, with what the host has, and touches nothing; so the
 * guest's kernel raises the genuine event, also on a read-only export, and forgets what it believed
 * before. Everything else that changes a file is refused to that thread. Changes of the guest
 * itself come with our own process id and are not repeated.
 *
 * While an agent is there, the guest may believe what it knows of watched directories for long:
 * every change reaches it.
 *
 *     open (before the system call filter) -> begin -> ready -> (next -> done)* -> end -> begin ...
 *
 * fanotify is what is used: Linux 5.17 or later on the host. It takes no privilege.
 */
#ifndef FUSE_ECHO_H
#define FUSE_ECHO_H

#include "base/sb.h"
#include "fuse/server.h"

/* Most changes that wait; beyond that folders are compared with what the guest was told. */
#define FUSE_CHANGES_MAX  65536
/* Changes in one go. */
#define FUSE_BATCH_MAX    64
/* Seconds that the guest may believe what it will be told of. */
#define FUSE_TOLD_SECONDS 3600

struct fuse_nonce {
    uint64_t half[2];
};

/* Would fuse_echo_open() work on this host? */
bool fuse_echo_is_possible(struct err **errp) MUST_USE;
/* ERR_UNSUPPORTED, ERR_OS: nothing will be told. */
bool fuse_echo_open(struct fuse_server *s, struct err **errp) MUST_USE;
/* Readable when there are events; -1 when there is nothing to watch with. */
int fuse_echo_fd(const struct fuse_server *s);
void fuse_echo_read(struct fuse_server *s);

/* An agent has connected; the one before is replaced. It has to look up the nonce. */
void fuse_echo_begin(struct fuse_server *s, struct fuse_nonce nonce);
/* It says that it has. False when it has not. */
bool fuse_echo_ready(struct fuse_server *s) MUST_USE;
/* Appends what the agent is to do next, with SYNC at its end; false when there is nothing, or it
 * has not done what it was told. */
bool fuse_echo_next(struct fuse_server *s, struct sb *out) MUST_USE;
/* It has. */
void fuse_echo_done(struct fuse_server *s);
void fuse_echo_end(struct fuse_server *s);

#endif
