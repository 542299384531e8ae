/*
 * One split virtqueue (virtio 1.2, section 2.7), device side: takes descriptor chains of the guest
 * and gives them back.
 *
 * Everything in the rings is hostile. A chain is copied out field by field, once, and checked:
 * loops, indexes, addresses, order of directions, indirect tables. Anything wrong breaks the ring:
 * it stays broken, and silent, until the driver resets the device.
 *
 *     while (vhost_ring_pop(ring, &chain, iov, COUNT(iov)) == VHOST_POP_CHAIN) {
 *         ...
 *         vhost_ring_push(ring, &chain, n_written);
 *     }
 *     vhost_ring_notify(ring);
 */
#ifndef VHOST_RING_H
#define VHOST_RING_H

#include "vhost/memory.h"

#define VHOST_RING_NUM_MAX 1024
/* Longest indirect table; drivers may use more entries than the queue has. */
#define VHOST_INDIRECT_NUM_MAX 1024

/* As QEMU told: addresses are QEMU's. */
struct vhost_ring_setup {
    unsigned num;
    uint64_t desc, avail, used;
    bool event_idx, indirect;
};

struct vhost_ring {
    const struct vhost_memory *memory; /* borrowed; NULL = the ring is not running */
    unsigned num;
    bool event_idx, indirect;
    const uint8_t *desc, *avail; /* in guest memory, aligned */
    uint8_t *used;
    uint16_t next_avail; /* position after the last chain taken */
    uint16_t seen_avail; /* the guest's position when last read */
    uint16_t next_used;
    uint16_t told_used;     /* position of the last notification */
    bool suppressed;        /* the guest did not want the last notification */
    const char *broken;     /* why, or NULL */
    int call_fd;            /* borrowed; -1 = the guest polls */
};

/* A chain taken from the ring: n_out pieces the device reads, then n_in it writes. */
struct vhost_chain {
    uint16_t head;
    unsigned n_out, n_in;
    size_t out_len, in_len; /* bytes */
};

enum vhost_pop { VHOST_POP_EMPTY, VHOST_POP_CHAIN, VHOST_POP_BROKEN };

/* Starts at position base of the available ring. */
bool vhost_ring_start(struct vhost_ring *r, const struct vhost_memory *memory,
                      const struct vhost_ring_setup *setup, uint16_t base, struct err **errp) MUST_USE;
/* Finds the rings again after the memory table changed. */
bool vhost_ring_relocate(struct vhost_ring *r, const struct vhost_ring_setup *setup,
                         struct err **errp) MUST_USE;
/* Returns the position to start again from. */
uint16_t vhost_ring_stop(struct vhost_ring *r);
bool vhost_ring_is_running(const struct vhost_ring *r);

/* Takes the next chain. iov gets the pieces; a chain of more than max_iov pieces breaks the ring. */
enum vhost_pop vhost_ring_pop(struct vhost_ring *r, struct vhost_chain *out, struct iovec *iov,
                              unsigned max_iov);
/* Breaks the ring because of what a chain is made of. why is borrowed for ever. */
void vhost_ring_break(struct vhost_ring *r, const char *why);
/* Puts back the n chains taken last, unused. */
void vhost_ring_unpop(struct vhost_ring *r, unsigned n);
/* Gives a chain back with n_written bytes written to it. The guest sees it at once, and is told by
 * vhost_ring_notify(). */
void vhost_ring_push(struct vhost_ring *r, const struct vhost_chain *chain, uint32_t n_written);
/* Interrupts the guest if it wants that and anything was pushed since the last call. */
void vhost_ring_notify(struct vhost_ring *r);
/* How many chains were pushed since the last notification. */
unsigned vhost_ring_untold(const struct vhost_ring *r);
/* Interrupts it even if it did not want the last notification. */
void vhost_ring_notify_again(struct vhost_ring *r);

/* Asks the guest for a kick when it adds chains. True when there are chains already, so that the
 * caller has to look again. */
bool vhost_ring_want_kicks(struct vhost_ring *r);
void vhost_ring_refuse_kicks(struct vhost_ring *r);

#endif
