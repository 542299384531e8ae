/*
 * A virtio device served to QEMU over a vhost-user socket: the part that all devices share. It
 * answers the protocol, keeps the memory table and runs the queues; the device gets kicks.
 *
 * QEMU blocks, with its main lock held, until a message is answered. So everything here answers at
 * once and never waits; a device that has to wait does so in threads of its own.
 *
 *     new -> (queues start -> kicks -> queues stop)* -> on_gone -> free
 *
 * All queues of the device start before on_started and stop after on_stopped: it is one event for
 * the device, as it is for the guest's driver. A broken queue stops all of them.
 */
#ifndef VHOST_DEV_H
#define VHOST_DEV_H

#include "sys/evloop.h"
#include "vhost/ring.h"

#define VHOST_QUEUES_MAX 8

struct vhost_dev;

struct vhost_dev_ops {
    const char *name;  /* for messages */
    uint64_t features; /* of the device type; those of the transport are added */
    unsigned n_queues;
    /* Fills config space from offset on; returns false when the range does not exist. NULL: QEMU
     * keeps it. */
    bool (*read_config)(struct vhost_dev *d, uint32_t offset, uint8_t *out, uint32_t len);
    /* The driver is ready. resumed: it was only paused, the queues go on where they were. */
    void (*on_started)(struct vhost_dev *d, bool resumed);
    /* The queues are still there but nothing may be taken or pushed after this call. broken is
     * NULL, or what was wrong with a queue: a bug of the guest's driver, or an attack. */
    void (*on_stopped)(struct vhost_dev *d, const char *broken);
    void (*on_kick)(struct vhost_dev *d, unsigned queue);
    /* QEMU closed the socket (err is NULL) or broke the protocol. The last call; d may be freed. */
    void (*on_gone)(struct vhost_dev *d, const struct err *err);
};

struct vhost_queue {
    struct vhost_ring ring;
    struct vhost_ring_setup setup;
    struct ev_source kick;
    struct ev_timer late;  /* to tell what was pushed */
    struct vhost_dev *dev; /* borrowed: the owner */
    int kick_fd, call_fd, err_fd;
    uint16_t base, stopped_at;
    bool started, disabled, was_stopped;
};

struct vhost_dev {
    const struct vhost_dev_ops *ops; /* borrowed */
    struct evloop *loop;         /* borrowed */
    struct vhost_memory memory;
    struct vhost_queue queues[VHOST_QUEUES_MAX];
    uint64_t features; /* agreed on */
    bool is_started;
    int socket_fd;
    struct ev_source socket;
    struct ev_task check_task; /* a queue was found broken */
    struct {
        uint8_t bytes[VHOST_USER_HEAD_LEN + VHOST_USER_PAYLOAD_LEN_MAX];
        size_t n;
        int fds[VHOST_USER_FDS_MAX];
        unsigned n_fds;
    } in;
};

/* Takes the socket over. */
bool vhost_dev_init(struct vhost_dev *d, struct evloop *loop, int take_fd,
                    const struct vhost_dev_ops *ops, struct err **errp) MUST_USE;
void vhost_dev_done(struct vhost_dev *d);

static inline struct vhost_ring *vhost_dev_ring(struct vhost_dev *d, unsigned queue)
{
    return &d->queues[queue].ring;
}

/* Tells the guest about the chains pushed to a queue. */
void vhost_dev_notify(struct vhost_dev *d, unsigned queue);
/* The same for chains whose memory the guest only releases. It need not be called for each of them:
 * it is when there are many, when VHOST_LATE_MS have passed, when the device stops, or by
 * vhost_dev_notify() of that queue. */
#define VHOST_LATE_MS 5
void vhost_dev_notify_late(struct vhost_dev *d, unsigned queue);
/* Stops the device because of what vhost_ring_pop() found; on_stopped is called from the loop. */
void vhost_dev_report_broken(struct vhost_dev *d);

#endif
