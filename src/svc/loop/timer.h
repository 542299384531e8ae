/*
 * A one-shot timer on the loop, to be set again at will. Not running after timer_open().
 * timer_close() may be called from its own callback, and on NULL; no callback follows it, and the
 * memory goes by itself.
 */
#ifndef SVC_LOOP_TIMER_H
#define SVC_LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer;
struct uv_loop_s;

typedef void (*timer_fn)(void *arg);

struct timer *timer_open(struct uv_loop_s *loop, timer_fn on_due, void *arg);
/* Due once, ms from now; an earlier setting is forgotten. */
void timer_set(struct timer *timer, uint64_t ms);
void timer_stop(struct timer *timer);
bool timer_is_set(const struct timer *timer);
void timer_close(struct timer *timer);

#endif
