/*
 * The virtio file system device: takes requests off its queues and has a file server
 * (fuse/server.h) answer them, one after the other, in the memory of the guest.
 *
 * QEMU keeps the configuration (tag, number of queues) to itself. Of the two queues the first is
 * for FORGET, so that it never waits behind a full second one.
 *
 * Threads: everything happens on the loop's thread, and a request may wait for a disk. So the loop
 * belongs to a thread that has nothing else to do; QEMU's messages, few after the start, wait with
 * it.
 */
#ifndef VHOST_FS_DEV_H
#define VHOST_FS_DEV_H

#include "fuse/server.h"
#include "vhost/dev.h"

struct fs_dev;

struct fs_dev_events {
    /* The guest's driver broke a queue: why. It works again when the driver starts anew. */
    void (*on_broken)(void *owner, const char *why);
    /* QEMU closed the device; the owner frees it, now or later. err as in vhost_dev_ops. */
    void (*on_gone)(void *owner, const struct err *err);
};

/* server, events and owner are borrowed. */
struct fs_dev *fs_dev_new(struct evloop *loop, int take_fd, struct fuse_server *server,
                          const struct fs_dev_events *events, void *owner,
                          struct err **errp) MUST_USE;
void fs_dev_free(struct fs_dev *f);
AUTO_DECLARE(struct fs_dev, fs_dev);

#endif
