/*
 * How long a device looks at its queues before it waits to be kicked. A guest whose requests follow
 * each other closely is spared a kick for each of them, for which its processor leaves the guest, and
 * the device a wake-up; for requests that the guest waits for, these two are most of the time. A guest
 * that lets time pass between them costs nothing: looking in vain ends it until two come closely again.
 * Where others wait for the processor (time passes between two looks) there is no lingering for a while.
 */
#ifndef VHOST_LINGER_H
#define VHOST_LINGER_H

#include <stdbool.h>
#include <stdint.h>

#include "vhost/trial.h"

/* Long enough for what a program does between two requests. An emulated processor takes longer for
 * that, and a kick costs it most: if it pays, requests are waited for longer. It does not where the
 * guest, or others, have something else for the processor to do. */
#define VHOST_LINGER_NS         200000
#define VHOST_LINGER_LONG_NS    1000000
/* Two looks so far apart: something ran in between that goes on for long, not just what passes the
 * answer on. */
#define VHOST_LINGER_CROWDED_NS 500000
#define VHOST_LINGER_PAUSE_NS   20000000

struct vhost_linger { /* starts with zeros */
    struct vhost_trial longer;
    bool is_longer;
    int64_t last_ns;
    int64_t looked_ns;     /* in vain, since then; 0 = not yet */
    int64_t not_before_ns; /* it was crowded */
    bool pays;             /* the last two activities were close to each other */
};

/* The queues have moved: a chain was taken, or given back. */
void vhost_linger_note(struct vhost_linger *l);
/* Instead: a request was taken whose answer the guest may wait for. Longer times are tried. */
void vhost_linger_asked(struct vhost_linger *l);
/* It has its answer. The time that the device took for that, the guest has not let pass. */
void vhost_linger_answered(struct vhost_linger *l);
/* The queues are empty. True: look again soon, and ask for no kick. Others that wait for the
 * processor may have it first. */
bool vhost_linger_goes_on(struct vhost_linger *l);

/* The same for a time given, in ns of any monotonic clock. */
void vhost_linger_note_at(struct vhost_linger *l, int64_t now_ns);
void vhost_linger_asked_at(struct vhost_linger *l, int64_t now_ns);
void vhost_linger_answered_at(struct vhost_linger *l, int64_t now_ns);
bool vhost_linger_goes_on_at(struct vhost_linger *l, int64_t now_ns);

#endif
