/*
 * Shared by the files of a running QEMU: qemu_ops.c has its life, qemu_hot.c what comes and goes
 * meanwhile.
 */
#ifndef DRIVER_QEMU_QEMU_PRIV_H
#define DRIVER_QEMU_QEMU_PRIV_H

#include "base/budget.h"
#include "driver/driver_ops.h"
#include "driver/qemu/prepare.h"

struct hot_disks;
struct hot_shares;
struct machine_process;
struct qmp_client;
struct replug;
struct timer;

struct qemu {
    struct driver *d;
    struct qemu_plan plan;
    enum driver_link_kind link;
    char *link_path;

    struct machine_process *process; /* NULL once it ended */
    struct machine_process *devices;
    struct qmp_client *qmp;
    struct hot_disks *disks;
    struct hot_shares *shares;
    struct timer *deadline;    /* of a stop; of the device process's end */
    struct timer *press_again; /* the power button */
    struct timer *doubt;       /* is QEMU just ending, or has something else gone wrong? */

    struct replug *replug; /* the last one */
    bool is_replugging;
    struct budget renewals;

    bool adopted;
    bool was_ready; /* the handshake was done */
    bool stop_wanted, kill_wanted;
    bool ended;            /* the process; status is valid */
    int status;            /* see machine_process.h */
    struct err *failure;   /* why we ended it */
    char *shutdown_reason; /* as QMP names it */
    char *pause_reason;
    bool panicked;
};

static inline struct qemu *qemu_of(const struct driver *d)
{
    return d->priv;
}

/* As in driver_ops.h. */
bool qemu_attach_disk(struct driver *d, const struct driver_hot_disk *disk, driver_done_fn on_done,
                      void *arg, struct err **errp);
bool qemu_detach_disk(struct driver *d, const char *path, driver_done_fn on_done, void *arg,
                      struct err **errp);
bool qemu_list_disks(struct driver *d, driver_disks_fn on_disks, void *arg, struct err **errp);
bool qemu_attach_share(struct driver *d, const struct driver_hot_share *share,
                       driver_share_fn on_done, void *arg, struct err **errp);
bool qemu_detach_share(struct driver *d, const char *tag, struct err **errp);

#endif
