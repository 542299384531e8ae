#include "vhost/linger.h"

#include <time.h>

int64_t vhost_linger_now(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void vhost_linger_note(struct vhost_linger *l, int64_t now_ns)
{
    l->pays = now_ns - l->last_ns < VHOST_LINGER_NS;
    l->last_ns = now_ns;
}

bool vhost_linger_goes_on(struct vhost_linger *l, int64_t now_ns)
{
    if (now_ns - l->last_ns >= VHOST_LINGER_NS)
        l->pays = false;
    return l->pays;
}
