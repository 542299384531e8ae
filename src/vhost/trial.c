#include "vhost/trial.h"

#include <string.h>

#define TRIED_NS (VHOST_TRIAL_TURNS * (int64_t)VHOST_TRIAL_TURN_NS)

/* Turns of both lie around the same middle. */
static bool tries_second(const struct vhost_trial *t)
{
    return (t->spent_ns / VHOST_TRIAL_TURN_NS + 1) / 2 % 2 != 0;
}

static bool finds_second(const struct vhost_trial *t)
{
    unsigned clear = t->is_second ? 0 : t->n[0] / VHOST_TRIAL_GAIN;

    return t->n[1] > t->n[0] + clear;
}

bool vhost_trial_note(struct vhost_trial *t, int64_t now_ns)
{
    int64_t took_ns = now_ns - t->last_ns;
    bool was_trying = t->spent_ns < TRIED_NS;

    if (was_trying)
        t->n[tries_second(t)]++;
    t->last_ns = now_ns;
    t->spent_ns += took_ns < VHOST_TRIAL_LONGEST_NS ? took_ns : VHOST_TRIAL_LONGEST_NS;
    if (t->spent_ns < TRIED_NS)
        return tries_second(t);
    if (was_trying)
        t->is_second = finds_second(t);
    if (t->spent_ns < TRIED_NS + VHOST_TRIAL_KEEP_NS)
        return t->is_second;
    t->spent_ns = 0;
    memset(t->n, 0, sizeof(t->n));
    return tries_second(t);
}
