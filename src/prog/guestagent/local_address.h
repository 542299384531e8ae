/*
 * Addresses that the guest makes its own for a while: what is sent to them stays in the guest,
 * where a listener waits. They are put on the interface whose network they are in, with host scope,
 * so that also programs that bind themselves to this interface reach them and nobody takes them for
 * a source address; without such an interface on the loopback one. When interfaces change, they are
 * put right again.
 */
#ifndef PROG_GUESTAGENT_LOCAL_ADDRESS_H
#define PROG_GUESTAGENT_LOCAL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sv.h"
#include "base/vec.h"
#include "sys/evloop.h"

struct local_address {
    uint8_t bytes[16];
    uint8_t n_bytes; /* 4 or 16 */
    unsigned refs;
    int interface; /* where we put it; 0 = nowhere */
};

struct local_addresses {
    struct evloop *loop; /* borrowed */
    VEC(struct local_address) list;
    int watch_fd;
    struct ev_source watch;
};

void local_addresses_init(struct local_addresses *set, struct evloop *loop);
/* Gives all up. */
void local_addresses_done(struct local_addresses *set);

bool local_address_take(struct local_addresses *set, struct sv address, struct err **errp) MUST_USE;
void local_address_give(struct local_addresses *set, struct sv address);

/* What one RTM_NEWADDR message says. Pure. */
struct local_address_info {
    int interface;
    unsigned prefix_len;
    struct sv address; /* borrowed */
};
bool local_address_parse(struct sv payload, struct local_address_info *out);

#endif
