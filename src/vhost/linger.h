/*
 * How long a device looks at its queues before it waits to be kicked. A guest whose requests follow
 * each other closely is spared a kick for each of them, for which its processor leaves the guest, and
 * the device a wake-up; for requests that the guest waits for, these two are most of the time. A guest
 * that lets time pass between them costs nothing: looking in vain ends it until two come closely again.
 */
#ifndef VHOST_LINGER_H
#define VHOST_LINGER_H

#include <stdbool.h>
#include <stdint.h>

/* Long enough for what a program does between two requests, in an emulated processor, too. */
#define VHOST_LINGER_NS 200000

struct vhost_linger { /* starts with zeros */
    int64_t last_ns;
    bool pays; /* the last two activities were close to each other */
};

int64_t vhost_linger_now(void);
/* The queues have moved: a chain was taken, or given back. */
void vhost_linger_note(struct vhost_linger *l, int64_t now_ns);
/* The queues are empty. True: look again soon, and ask for no kick. */
bool vhost_linger_goes_on(struct vhost_linger *l, int64_t now_ns);

#endif
