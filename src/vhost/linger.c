#include "vhost/linger.h"

#include <sched.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void vhost_linger_note_at(struct vhost_linger *l, int64_t now)
{
    l->pays = now - l->last_ns < l->for_ns && now >= l->not_before_ns;
    vhost_linger_answered_at(l, now);
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
    l->pays = now - l->last_ns < l->for_ns && now >= l->not_before_ns;
    return l->pays;
}

void vhost_linger_note(struct vhost_linger *l)
{
    vhost_linger_note_at(l, now_ns());
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
