/*
 * Shared by the files of mounts: what a mount is, and what its type does for it.
 *
 * mounts.c keeps the list and adds to it, mounts_remove.c takes from it, mounts_told.c tells of it,
 * mounts_kept.c keeps on disk what outlives the host agent. A type brings a mount about and takes
 * it away; it says how that went by mount_up(), mount_lost() and mount_fail(), from the loop or at
 * once.
 */
#ifndef PROG_HOSTAGENT_MOUNTS_PRIV_H
#define PROG_HOSTAGENT_MOUNTS_PRIV_H

#include "base/list.h"
#include "prog/hostagent/mounts.h"
#include "sys/file.h"
#include "wire/guest.h"

enum mount_state {
    MOUNT_LOST,      /* there is no way to the guest, or not yet */
    MOUNT_EXPORTING, /* being made ready on the host */
    MOUNT_HANDING,   /* `devices` has the descriptor and has not answered */
    MOUNT_WAITING,   /* until the guest agent can be told */
    MOUNT_MOUNTING,  /* being mounted in the guest */
    MOUNT_MOUNTED,
    MOUNT_UNMOUNTING, /* the guest agent was told */
    MOUNT_FAILED,
    MOUNT_STATE_COUNT,
};

/* Of the names of those that were asked for. */
#define MOUNT_HOT_PREFIX "hot-"

struct mount;

/* Members may be NULL but for the names and begin. */
struct mount_type {
    const char *name;     /* as in mountType */
    const char *lost_why; /* an error for MOUNT_LOST */
    bool comes_back;      /* by itself, when it is lost */
    /* The guest agent mounts it: with these options of 9p, or, when they are empty, as an entry of
     * the file system device. NULL: it does not. */
    const char *agent_options;
    /* state is MOUNT_EXPORTING. */
    void (*begin)(struct mount *mount);
    /* The guest has unmounted it, or will never mount it: takes it from the host. */
    void (*release)(struct mount *mount);
    /* The mount goes away, whatever its state: nothing may call back any more. */
    void (*close)(struct mount *mount);
};

extern const struct mount_type mount_virtiofs, mount_sshfs, mount_9p;

struct mount {
    struct list link;
    struct mounts *owner; /* borrowed */
    const struct mount_type *type;
    char *name, *location, *mount_point;
    const struct mount_config *config; /* borrowed; NULL: asked for, all is as usual */
    bool writable, is_configured;
    bool is_forced; /* the removal: programs may use it still */
    enum mount_state state;
    struct file_id shared;         /* MOUNTED: what location was then; 0 = unknown */
    struct exporter *exporter;     /* virtiofs: EXPORTING */
    struct sshfs *sshfs;           /* reverse-sshfs, from EXPORTING on */
    struct attachment *attachment; /* 9p: EXPORTING; borrowed from the driver's question */
    char *why;                     /* FAILED; LOST: for good */
    uint64_t request;              /* id of the message that the guest is to answer; 0 = none */
    mount_done_fn on_done;         /* NULL: nobody waits */
    void *arg;
};

struct mounts {
    struct mounts_params params;
    char *exporter;           /* program; NULL = the installed one */
    struct guest_link *guest; /* borrowed; NULL while detached */
    struct require *require;  /* until the guest is ready for sshfs */
    bool is_ssh_ready;        /* it is */
    uint32_t guest_uid;
    bool tells_changes; /* of virtiofs mounts, to the guest */
    bool is_booted;     /* the guest has, and was asked for what its boot should have mounted */
    struct timer *boot_answer; /* set while that is waited for */
    /* Of the file system device. */
    bool is_renewed; /* the guest has another one than at its boot */
    bool is_awaited; /* the guest does not have that yet */
    char *why_lost;  /* nor will it; NULL = it has, or will */
    uint64_t last_request;
    struct list list;
    struct strv removed; /* mount points of the configuration that are no longer in the list */
};

/* It can be used in the guest. */
void mount_up(struct mount *mount);
/* It cannot be used for now. */
void mount_lost(struct mount *mount);
/* There is no mount. One that somebody waits for is freed. */
void mount_fail(struct mount *mount, const struct err *err);

/* The host has made it ready: the guest agent is told, now or when that can be. */
void mount_ready(struct mount *mount);

/* For logs and users. */
const char *mount_state_name(const struct mount *mount);
struct mount_info mount_info_of(const struct mount *mount);
/* Keeps what is shared, unless that is known. */
void mount_identify(struct mount *mount);
/* Whoever waits for it learns how it ended; err NULL: well. */
void mount_tell(struct mount *mount, const struct err *err);
void mount_free(struct mount *mount);

/* GUEST_MOUNT or GUEST_UNMOUNT, with its flags. False: there is no guest agent. */
bool mount_ask_guest(struct mount *mount, enum guest_type type, uint32_t flags) MUST_USE;
/* What the guest was, or is to be, asked cannot be: the mount fails, or stays. */
void mount_fail_without_agent(struct mount *mount);
/* The guest has answered GUEST_UNMOUNT, or cannot be asked. With an error the mount stays, else it
 * is freed. */
void mount_unmounted(struct mount *mount, const struct err *err);
/* For qsort() of struct mount *: outer ones come first. */
int mount_compare_points(const void *a, const void *b);

/* NULL = there is none. */
const struct mount_type *mount_type_find(const char *name);
struct mount *mount_find(const struct mounts *m, const char *mount_point);

/* A mount that is LOST, at the end of the list. */
struct mount *mount_new(struct mounts *m, const struct mount_type *type, char *take_name,
                        const char *location, const char *mount_point, bool writable);
/* Begins a mount that is LOST. */
void mount_begin(struct mount *mount);

/* What was asked for, on disk: written after each change. */
void mounts_save(const struct mounts *m);
/* Takes up what the host agent before this one has left behind for the same machine. */
void mounts_restore(struct mounts *m);

/* Of reverse-sshfs: ssh works; begins those of the configuration, one after the other. */
void mounts_sshfs_begin(struct mounts *m);
/* Some mount has come to an end of its beginning: the next one. */
void mounts_sshfs_next(struct mounts *m);
bool mounts_sshfs_is_settled(const struct mounts *m);

#endif
