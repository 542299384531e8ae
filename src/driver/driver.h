/*
 * A virtual machine on a loop: started or adopted, watched, stopped. Used by the host agent; see
 * driver_type.h for what is done without a running machine.
 *
 * Life cycle; every change of state is logged at debug:
 *
 *     driver_open()
 *          |
 *          v         driver_start()                 STARTED               driver_stop()
 *        IDLE ----------------------> STARTING ----------------> RUNNING ---------------> STOPPING
 *          |         driver_adopt()      |                          |                        |
 *          |                             | EXITED                   | EXITED                 |
 * EXITED |                             v                          v                        v |
 * EXITED <----------------------------------------------+ |                             |
 *          +------- driver_close() ------+----> freed after the last handle has closed
 *
 * - Events arrive on the loop, never from inside a call of this header. STARTED comes at most once,
 *   EXITED exactly once after a successful driver_start() or driver_adopt(), unless the driver is
 *   closed before. A start that fails after driver_start() returned true is an EXITED event
 *   without STARTED.
 * - driver_stop() and driver_kill() are allowed from STARTING on; while STOPPING or EXITED they do
 *   nothing, except that driver_kill() shortens a graceful stop.
 * - driver_close() is allowed in every state and leaves a machine that runs alone: a later host
 *   agent adopts it. Whoever wants it gone stops it first. No event arrives afterwards.
 *
 * The object is freed by itself once its handles have closed, so run the loop until then.
 */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include <stdint.h>
#include <sys/types.h>

#include "driver/driver_type.h"

struct uv_loop_s;
struct driver;

enum driver_state {
    DRIVER_IDLE,
    DRIVER_STARTING,
    DRIVER_RUNNING,
    DRIVER_STOPPING,
    DRIVER_EXITED,
    DRIVER_STATE_COUNT,
};
extern const char *const driver_state_names[DRIVER_STATE_COUNT];

enum driver_event_kind {
    DRIVER_EVENT_STARTED, /* the machine executes guest code */
    DRIVER_EVENT_PAUSED,  /* the machine stands still; text says why */
    DRIVER_EVENT_RESUMED,
    DRIVER_EVENT_LINK_RENEWED,  /* the link had died and can be opened again */
    DRIVER_EVENT_LINK_LOST,     /* it has died for good; text says why */
    DRIVER_EVENT_FILES_RENEWED, /* after LINK_RENEWED: the guest has a file system device again */
    DRIVER_EVENT_FILES_LOST,    /* after LINK_RENEWED: it has none any more; text says why */
    DRIVER_EVENT_EXITED,
};

enum driver_exit {
    DRIVER_EXIT_STOPPED, /* driver_stop(), and the guest powered off in time */
    DRIVER_EXIT_KILLED,  /* driver_kill(), or the deadline of driver_stop() passed */
    DRIVER_EXIT_GUEST,   /* the guest powered off by itself */
    DRIVER_EXIT_FAILED,  /* could not start, crashed, or was killed by someone else: see err */
    DRIVER_EXIT_COUNT,
};
extern const char *const driver_exit_names[DRIVER_EXIT_COUNT];

struct driver_event {
    enum driver_event_kind kind;
    enum driver_exit exit; /* EXITED */
    const struct err *err; /* EXITED with DRIVER_EXIT_FAILED; borrowed during the callback */
    const char *text;      /* PAUSED, *_LOST; borrowed */
};
typedef void (*driver_event_fn)(void *arg, const struct driver_event *event);

/* An additional disk, attached in the order given. */
struct driver_disk {
    const char *name;
    const char *path; /* absolute */
};

/* A block device of the host, attached after the additional disks. */
struct driver_block_device {
    const char *path;   /* absolute */
    const char *serial; /* what the guest knows it by */
    int fd;             /* open for this machine alone; borrowed until driver_start() returns */
};

struct driver_params {
    struct driver_instance inst; /* what it points to outlives the driver */
    /* On 127.0.0.1, forwarded to port 22 of the guest; not with ssh.overVsock over a link of kind
     * DEVICES, where the host agent does that. */
    uint16_t ssh_port;
    const char *mac;                 /* of the primary network interface; copied */
    const struct driver_disk *disks; /* copied */
    size_t n_disks;
    /* Copied. For DRIVER_CAP_BLOCK_DEVICES; a machine that is adopted has its own already. */
    const struct driver_block_device *block_devices;
    size_t n_block_devices;
    uint64_t stop_deadline_ms;   /* of driver_stop(); 0 = the driver's own, minutes */
    uint64_t detach_deadline_ms; /* of driver_detach_disk(); 0 = the driver's own, seconds */
    struct uv_loop_s *loop;
    driver_event_fn on_event;
    void *arg;
};

/* Where the guest agent is reached. */
struct driver_link {
    enum driver_link_kind kind;
    const char *path; /* borrowed from the driver; NULL for DRIVER_LINK_NONE */
};

/* Returns NULL on failure. Nothing is started. */
struct driver *driver_open(const struct driver_type *type, const struct driver_params *params,
                           struct err **errp);
/* Begins to start the machine. ERR_BUSY when the instance has a live one. */
bool driver_start(struct driver *d, struct err **errp) MUST_USE;
/* Begins to take over the live machine of the instance. ERR_NOT_FOUND when there is none,
 * ERR_UNSUPPORTED when the driver cannot. In both cases driver_start() may follow. */
bool driver_adopt(struct driver *d, struct err **errp) MUST_USE;
/* Asks the guest to power off, and kills the machine when the deadline passes. */
bool driver_stop(struct driver *d, struct err **errp) MUST_USE;
/* Ends the machine without asking. */
void driver_kill(struct driver *d);
/* NULL and repeated calls are allowed. */
void driver_close(struct driver *d);

enum driver_state driver_get_state(const struct driver *d);
const struct driver_type *driver_get_type(const struct driver *d);
/* Fixed from driver_open() on. */
struct driver_link driver_get_link(const struct driver *d);
/* Process id of the machine; 0 when there is no process. */
pid_t driver_get_pid(const struct driver *d);

#endif
