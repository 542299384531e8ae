/*
 * How often something may happen that somebody else can cause: `max` times at once, and then once
 * in interval_ns. One with these two set is ready, and full. The time is the caller's monotonic
 * clock.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
    uint64_t max, interval_ns;
    uint64_t used, filled_ns; /* private */
};

/* May it happen once more? */
static inline bool budget_take(struct budget *b, uint64_t now_ns)
{
    uint64_t refill = (now_ns - b->filled_ns) / b->interval_ns;

    if (refill) {
        b->used = refill > b->used ? 0 : b->used - refill;
        b->filled_ns = now_ns;
    }
    if (b->used == b->max)
        return false;
    b->used++;
    return true;
}

static inline void budget_empty(struct budget *b, uint64_t now_ns)
{
    b->used = b->max;
    b->filled_ns = now_ns;
}

#endif
