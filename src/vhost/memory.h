/*
 * The guest's memory as QEMU describes it: a few regions, each a piece of a shared memory file.
 *
 * A file is mapped once per process, however many devices name it. Addresses come from the guest
 * and are checked here and nowhere else: a translated range lies inside one region. The memory
 * changes under our hands at any time; whoever reads a value twice must expect two values.
 */
#ifndef VHOST_MEMORY_H
#define VHOST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "wire/vhost_user.h"

struct vhost_mapping; /* a mapped file, shared by devices */

struct vhost_region {
    uint64_t guest_addr, user_addr, size;
    uint8_t *start;                /* of the region, inside the mapping */
    struct vhost_mapping *mapping; /* one reference */
};

struct vhost_memory {
    unsigned n_regions;
    struct vhost_region regions[VHOST_USER_REGIONS_MAX];
};

/* Replaces the table; on failure *m keeps what it had. fds (one per region) are borrowed. */
bool vhost_memory_set(struct vhost_memory *m, const struct vhost_user_region *regions,
                      const int *fds, unsigned n_regions, struct err **errp) MUST_USE;
void vhost_memory_done(struct vhost_memory *m);

/* Where the guest-physical range begins here, or NULL when it is not inside one region. */
void *vhost_memory_at_guest(const struct vhost_memory *m, uint64_t addr, uint64_t len);
/* The same for an address of QEMU. */
void *vhost_memory_at_user(const struct vhost_memory *m, uint64_t addr, uint64_t len);

/* Translates a guest-physical range that may span adjacent regions into at most max pieces; 0 when
 * a part of it is not memory, or more pieces would be needed. len must not be 0. */
unsigned vhost_memory_pieces(const struct vhost_memory *m, uint64_t addr, uint32_t len,
                             struct iovec *out, unsigned max);

#endif
