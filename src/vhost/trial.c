#include "vhost/trial.h"

enum { N_TRIED = VHOST_TRIAL_TURN * VHOST_TRIAL_TURNS };

/* The n-th of a trial. Turns of both lie around the same middle. */
static bool tries_second(unsigned n)
{
    return (n / VHOST_TRIAL_TURN + 1) / 2 % 2 != 0;
}

static bool finds_second(const struct vhost_trial *t)
{
    int64_t clear = t->is_second ? 0 : t->took_ns[0] / VHOST_TRIAL_GAIN;

    return t->took_ns[1] < t->took_ns[0] - clear;
}

bool vhost_trial_note(struct vhost_trial *t, int64_t now_ns)
{
    int64_t took = now_ns - t->last_ns;

    t->last_ns = now_ns;
    if (t->n < N_TRIED) {
        t->took_ns[tries_second(t->n)] +=
            took < VHOST_TRIAL_LONGEST_NS ? took : VHOST_TRIAL_LONGEST_NS;
        if (++t->n < N_TRIED)
            return tries_second(t->n);
        t->is_second = finds_second(t);
    } else if (++t->n == N_TRIED + VHOST_TRIAL_KEEP) {
        t->n = 0;
        t->took_ns[0] = t->took_ns[1] = 0;
    }
    return t->is_second;
}
