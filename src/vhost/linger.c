#include "vhost/linger.h"

#include <sched.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool is_close(const struct vhost_linger *l, int64_t now)
{
    return now - l->last_ns < (l->is_longer ? VHOST_LINGER_LONG_NS : VHOST_LINGER_NS) &&
           now >= l->not_before_ns;
}

void vhost_linger_note_at(struct vhost_linger *l, int64_t now)
{
    l->pays = is_close(l, now);
    vhost_linger_answered_at(l, now);
}

void vhost_linger_asked_at(struct vhost_linger *l, int64_t now)
{
    l->is_longer = vhost_trial_note(&l->longer, now);
    vhost_linger_note_at(l, now);
}

void vhost_linger_answered_at(struct vhost_linger *l, int64_t now)
{
    l->last_ns = now;
    l->looked_ns = 0;
}

bool vhost_linger_goes_on_at(struct vhost_linger *l, int64_t now)
{
    if (!l->pays)
        return false;
    if (l->looked_ns && now - l->looked_ns > VHOST_LINGER_CROWDED_NS)
        l->not_before_ns = now + VHOST_LINGER_PAUSE_NS;
    l->looked_ns = now;
    l->pays = is_close(l, now);
    return l->pays;
}

void vhost_linger_note(struct vhost_linger *l)
{
    vhost_linger_note_at(l, now_ns());
}

void vhost_linger_asked(struct vhost_linger *l)
{
    vhost_linger_asked_at(l, now_ns());
}

void vhost_linger_answered(struct vhost_linger *l)
{
    vhost_linger_answered_at(l, now_ns());
}

bool vhost_linger_goes_on(struct vhost_linger *l)
{
    if (!vhost_linger_goes_on_at(l, now_ns()))
        return false;
    (void)sched_yield();
    return true;
}
