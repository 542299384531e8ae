/*
 * The folders of the host that the guest has: those of the configuration, and those that were asked
 * for while the machine runs:
 *
 *     virtiofs       each folder is made into a detached mount by `exporter` and handed to
 *                    `devices`. The guest itself mounts those of the configuration, as its seed
 *                    says, and its agent the others, when it is told. Exports belong to `devices`,
 *                    not to this process: a host agent that takes over a running machine finds
 *                    those of the one before.
 *     reverse-sshfs  sshfs in the guest, served by `exporter` over ssh (sshfs.h). They end with
 *                    this process, and begin anew with the next one.
 *     9p             QEMU's own server. The driver plugs in a device for each that is asked for,
 *                    which the guest agent mounts.
 *
 *     open -> (attach -> detach)* -> close
 *
 * What was asked for lasts as long as the machine: it is kept in a file of the instance directory,
 * which a host agent that takes the machine over reads.
 */
#ifndef PROG_HOSTAGENT_MOUNTS_H
#define PROG_HOSTAGENT_MOUNTS_H

#include "base/strv.h"
#include "model/config/instance.h"
#include "prog/hostagent/guest_ssh.h"
#include "wire/guest.h"

struct driver;
struct guest_link;
struct mounts;
struct uv_loop_s;

/* A mount, for those who ask. Borrowed. */
struct mount_info {
    const char *location, *mount_point;
    const char *type;  /* as in mountType */
    const char *state; /* "mounting", "mounted", "unmounting", "failed", "lost" */
    const char *error; /* NULL = none */
    const char *warning; /* of one that is mounted, from mounts_next() only; NULL = none */
    bool writable;
    bool is_configured;
};

/* err is NULL on success, else borrowed; info is NULL then. */
typedef void (*mount_done_fn)(void *arg, const struct mount_info *info, const struct err *err);

/* All is borrowed for the life of the object. */
struct mounts_params {
    struct uv_loop_s *loop;
    const struct instance_config *config;
    struct driver *driver; /* of 9p; may be NULL without them */
    const char *exporter;  /* that program; NULL: that of this installation */
    const char *iid;       /* instance id of the seed; NULL = unknown */
    const char *dir;       /* of the instance; NULL: nothing is kept */
    /* Made anew by each machine; what is kept of another one does not count. */
    const char *machine_path;
    bool is_adopting; /* the machine runs already */
    struct guest_ssh ssh;
    unsigned tries;                /* of a requirement over ssh (require.h); 0 = the usual */
    uint64_t try_interval_ms;      /* likewise */
    void (*on_settled)(void *arg); /* see mounts_are_settled(); may be NULL, may come often */
    void *arg;
};

struct mounts *mounts_open(const struct mounts_params *params);
/* Whoever waits is told ERR_CANCELED. NULL is allowed. */
void mounts_close(struct mounts *m);
/* Is the guest told of changes on the host by the file server itself? */
bool mounts_tell_changes(const struct mounts *m);

/* ssh into the guest works. */
void mounts_ssh_usable(struct mounts *m);
/* Is each mount of the configuration, as far as is known, mounted, or has failed? */
bool mounts_are_settled(const struct mounts *m);

/* The link has just been opened: exports what is not exported yet. */
void mounts_attach(struct mounts *m, struct guest_link *link);
/* The link is about to be closed: `devices` is a new one, and what the guest had is gone. It is
 * exported again, and mounted when mounts_files() says so. */
void mounts_renew(struct mounts *m);
/* The guest has its file system device again; why_lost: it never will. */
void mounts_files(struct mounts *m, const char *why_lost);
/* It is about to be closed. */
void mounts_detach(struct mounts *m);
/* The agent in the guest's root has greeted; it is gone; it has answered. */
void mounts_greeted(struct mounts *m);
void mounts_lost(struct mounts *m);
void mounts_answer(struct mounts *m, const struct guest_msg *msg);
/* The guest's boot is over, well or not. */
void mounts_booted(struct mounts *m);

struct mount_request {
    const char *type, *location, *mount_point;
    bool writable;
};

/* ERR_INVALID: not a folder, or not a place for a mount; ERR_UNSUPPORTED: not such a type;
 * ERR_EXISTS; ERR_NOT_FOUND: there is no way to the guest. on_done is called once, maybe at once.
 */
void mounts_add(struct mounts *m, const struct mount_request *request, mount_done_fn on_done,
                void *arg);
/* ERR_BUSY names who uses it, or what is mounted in it, unless lazy: then that is removed, too. */
void mounts_remove(struct mounts *m, const char *mount_point, bool lazy, mount_done_fn on_done,
                   void *arg);
/* One after the other: start with *at = NULL; false at the end. */
bool mounts_next(const struct mounts *m, const void **at, struct mount_info *out);
/* What could not be shared, or is lost, one text each. */
void mounts_errors(const struct mounts *m, struct strv *out);

#endif
