/*
 * For drivers and driver.c only: the object behind driver.h, the operations a driver implements,
 * and the reports it makes.
 *
 * The core (driver.c) has checked the state before an operation is called, and sets it: operations
 * and reports never touch "state". Reports are made from loop callbacks, never from inside an
 * operation.
 */
#ifndef DRIVER_DRIVER_OPS_H
#define DRIVER_DRIVER_OPS_H

#include "driver/driver.h"
#include "driver/hot_disk.h"
#include "driver/hot_share.h"

struct driver_ops {
    const struct driver_type *type;
    size_t priv_size; /* zeroed memory for d->priv, freed by the core */

    /* Fills priv; on failure the driver cleans up itself and close is not called. NULL = nothing.
     */
    bool (*open)(struct driver *d, struct err **errp);
    bool (*start)(struct driver *d, struct err **errp);
    bool (*adopt)(struct driver *d, struct err **errp); /* DRIVER_CAP_ADOPT */
    bool (*stop)(struct driver *d, struct err **errp);
    void (*kill)(struct driver *d);
    /* Called once. Ends with driver_report_closed(), at once or later. */
    void (*close)(struct driver *d);
    /* DRIVER_CAP_HOT_DISK; see hot_disk.h. The descriptor is taken whatever happens. */
    bool (*attach_disk)(struct driver *d, const struct driver_hot_disk *disk,
                        driver_done_fn on_done, void *arg, struct err **errp);
    bool (*detach_disk)(struct driver *d, const char *path, driver_done_fn on_done, void *arg,
                        struct err **errp);
    bool (*list_disks)(struct driver *d, driver_disks_fn on_disks, void *arg, struct err **errp);
    /* DRIVER_CAP_HOT_SHARE; see hot_share.h. */
    bool (*attach_share)(struct driver *d, const struct driver_hot_share *share,
                         driver_share_fn on_done, void *arg, struct err **errp);
    bool (*detach_share)(struct driver *d, const char *tag, struct err **errp);
    struct driver_link (*link)(const struct driver *d);
    pid_t (*pid)(const struct driver *d);
};

struct driver {
    const struct driver_ops *ops; /* borrowed: static */
    struct driver_params params;  /* mac and disks are owned copies, the rest is borrowed */
    enum driver_state state;
    bool in_operation; /* an operation of ops runs */
    bool closing;
    void *priv;
};

extern const struct driver_ops *const driver_ops_list[];
extern const size_t n_driver_ops;

void driver_report_started(struct driver *d);
void driver_report_paused(struct driver *d, const char *why);
void driver_report_resumed(struct driver *d);
/* The link, and then the file system device, after the process behind them has died: renewed when
 * why_lost is NULL. */
void driver_report_link(struct driver *d, const char *why_lost);
void driver_report_files(struct driver *d, const char *why_lost);
/* take_err is given for DRIVER_EXIT_FAILED and NULL otherwise. */
void driver_report_exited(struct driver *d, enum driver_exit exit, struct err *take_err);
/* The last use of d. */
void driver_report_closed(struct driver *d);

/* The deadline of a graceful stop: what the caller asked for, else preset. */
uint64_t driver_stop_deadline_ms(const struct driver *d, uint64_t preset);

#endif
