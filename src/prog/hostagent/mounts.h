/*
 * The folders of the host that the guest has over the file system device (mount type virtiofs):
 * those of the configuration, and those that were asked for while the machine runs. Each is made
 * into a detached mount by `exporter` and handed to `devices`. The former are mounted by the guest
 * itself, as its seed says; the latter by its agent, when it is told.
 *
 *     open -> (attach -> detach)* -> close
 *
 * Exports belong to `devices`, not to this process: a host agent that takes over a running machine
 * finds those of the one before. What was asked for is forgotten with the host agent.
 */
#ifndef PROG_HOSTAGENT_MOUNTS_H
#define PROG_HOSTAGENT_MOUNTS_H

#include "base/strv.h"
#include "model/config/instance.h"
#include "wire/guest.h"

struct guest_link;
struct mounts;
struct uv_loop_s;

/* A mount, for those who ask. Borrowed. */
struct mount_info {
    const char *location, *mount_point;
    const char *state; /* "mounting", "mounted", "unmounting", "failed", "lost" */
    const char *error; /* NULL = none */
    bool writable;
    bool is_configured;
};

/* err is NULL on success, else borrowed; info is NULL then. */
typedef void (*mount_done_fn)(void *arg, const struct mount_info *info, const struct err *err);

/* The configuration is borrowed for the call. exporter is the path of that program; NULL: that of
 * this installation. */
struct mounts *mounts_open(struct uv_loop_s *loop, const struct instance_config *config,
                           const char *exporter);
/* Whoever waits is told ERR_CANCELED. NULL is allowed. */
void mounts_close(struct mounts *m);

/* The link has just been opened: exports what is not exported yet. */
void mounts_attach(struct mounts *m, struct guest_link *link);
/* It is about to be closed. */
void mounts_detach(struct mounts *m);
/* The agent in the guest's root has greeted; it is gone; it has answered. */
void mounts_greeted(struct mounts *m);
void mounts_lost(struct mounts *m);
void mounts_answer(struct mounts *m, const struct guest_msg *msg);

/* ERR_INVALID: not a folder, or not a place for a mount; ERR_EXISTS; ERR_NOT_FOUND: the guest agent
 * is not there. on_done is called once, maybe at once. */
void mounts_add(struct mounts *m, const char *location, const char *mount_point, bool writable,
                mount_done_fn on_done, void *arg);
/* ERR_BUSY names who uses it, unless lazy. */
void mounts_remove(struct mounts *m, const char *mount_point, bool lazy, mount_done_fn on_done,
                   void *arg);
/* One after the other: start with *at = NULL; false at the end. */
bool mounts_next(const struct mounts *m, const void **at, struct mount_info *out);
/* What could not be shared, or is lost, one text each. */
void mounts_errors(const struct mounts *m, struct strv *out);

#endif
