/*
 * Which of two ways to wait for the guest's requests makes it ask more of them, found out by
 * trying: as much time one way as the other, in turns, so that what else changes meanwhile falls to
 * both. Then the better one is kept for a while. The second way has to be clearly better to be
 * taken, for it costs the host more, but not to stay.
 */
#ifndef VHOST_TRIAL_H
#define VHOST_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    VHOST_TRIAL_TURNS = 16, /* first, second, second, first, and so on */
    VHOST_TRIAL_GAIN = 20,  /* a twentieth is clear */
};

/* Long enough that one way has little effect on the other's turn: what a thread has slept through,
 * or not, the scheduler remembers for some milliseconds. */
#define VHOST_TRIAL_TURN_NS    40000000
/* From the end of a trial to the next. */
#define VHOST_TRIAL_KEEP_NS    5000000000
/* What takes longer from a request to the next is rather what the guest has to do besides, and
 * counts as so much. */
#define VHOST_TRIAL_LONGEST_NS 2000000

struct vhost_trial {  /* starts with zeros: the first way, at the beginning of a trial */
    int64_t last_ns;  /* the request before */
    int64_t spent_ns; /* between the requests of this trial and since */
    unsigned n[2];    /* requests, each way, in this trial */
    bool is_second;   /* the better one, as far as is known */
};

/* A request came; now_ns is of any monotonic clock. Returns whether to wait for the next one in the
 * second way. */
bool vhost_trial_note(struct vhost_trial *t, int64_t now_ns);

#endif
