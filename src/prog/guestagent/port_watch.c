/*
 * A look is due a moment after the kernel told of something, so that what comes together is seen
 * together; after a look that took long (thousands of listeners coming and going) the next one
 * waits in proportion. Without the trigger, looks follow each other at growing intervals, and at
 * short ones again after a change.
 */
#include "prog/guestagent/port_watch.h"

#include <sys/epoll.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/nat_rules.h"
#include "prog/guestagent/nat_tables.h"
#include "prog/guestagent/port_trigger.h"
#include "prog/guestagent/ports.h"
#include "prog/guestagent/sock_diag.h"
#include "sys/host.h"

enum {
    SETTLE_MS = 5,
    COST_FACTOR = 4, /* pause after a look, in terms of its duration */
    POLL_MIN_MS = 40,
    POLL_MAX_MS = 1000,
};

struct port_watch {
    struct evloop *loop;                    /* borrowed */
    const struct port_watch_events *events; /* borrowed */
    void *arg;                              /* borrowed */
    unsigned protocols;                     /* 0 = off */
    bool is_told;                           /* the host has the list `now` */
    struct ports now;
    unsigned missing; /* see sock_diag_list() */
    struct port_trigger *trigger;
    int rules_fd;
    struct ev_source rules;
    struct ev_timer look;
    unsigned pause_ms; /* until the next look */
    unsigned poll_ms;
};

static void look_due(struct ev_timer *timer);

static void look_soon(void *arg)
{
    struct port_watch *w = arg;

    if (!ev_timer_is_running(&w->look))
        ev_timer_start(w->loop, &w->look, w->pause_ms, look_due);
}

static void rules_changed(struct ev_source *source, uint32_t events)
{
    struct port_watch *w = CONTAINER_OF(source, struct port_watch, rules);

    nat_rules_drain(w->rules_fd);
    look_soon(w);
}

static void leave_out_own(const struct port_watch *w, struct ports *p)
{
    size_t n = 0;

    if (!w->events->is_own)
        return;
    for (size_t i = 0; i < p->list.n; i++)
        if (!w->events->is_own(w->arg, &p->list.v[i]))
            p->list.v[n++] = p->list.v[i];
    p->list.n = n;
}

static void look_at_tables(struct port_watch *w, struct ports *out)
{
    auto_err struct err *err = NULL;

    if (!nat_tables_exist())
        return;
    if (w->trigger)
        port_trigger_watch_tables(w->trigger); /* first: changes after the look are told of */
    if (!nat_tables_list(w->protocols, out, &err))
        log_debug("Redirected ports are not known: %s", err_text(err));
}

/* True when the list is another one. */
static bool look(struct port_watch *w)
{
    auto_sb struct sb frames = { 0 };
    auto_err struct err *err = NULL;
    struct ports now = { 0 };

    if (w->trigger)
        port_trigger_arm(w->trigger);
    sock_diag_list(w->protocols, &w->missing, &now);
    if (w->rules_fd >= 0 && !nat_rules_list(w->protocols, &now, &err))
        log_debug("Redirected ports are not known: %s", err_text(err));
    look_at_tables(w, &now);
    ports_settle(&now);
    leave_out_own(w, &now);
    ports_put_changes(&w->now, &now, !w->is_told, &frames);
    ports_done(&w->now);
    w->now = now;
    w->is_told = true;
    if (w->trigger)
        port_trigger_set_ports(w->trigger, &now);
    if (frames.n > 0)
        w->events->on_changed(w->arg, &frames);
    return frames.n > 0;
}

static void look_due(struct ev_timer *timer)
{
    struct port_watch *w = CONTAINER_OF(timer, struct port_watch, look);
    uint64_t start_ns = host_monotonic_ns(), cost_ms;
    bool has_changed = look(w);

    cost_ms = (host_monotonic_ns() - start_ns) / 1000000 * COST_FACTOR;
    w->pause_ms = cost_ms < SETTLE_MS     ? SETTLE_MS
                  : cost_ms > POLL_MAX_MS ? POLL_MAX_MS
                                          : (unsigned)cost_ms;
    if (w->trigger || !w->protocols)
        return;
    w->poll_ms = has_changed ? POLL_MIN_MS : w->poll_ms * 2;
    if (w->poll_ms > POLL_MAX_MS)
        w->poll_ms = POLL_MAX_MS;
    ev_timer_start(w->loop, &w->look, w->poll_ms > w->pause_ms ? w->poll_ms : w->pause_ms,
                   look_due);
}

struct port_watch *port_watch_new(struct evloop *loop, const struct port_watch_events *events,
                                  void *arg)
{
    struct port_watch *w = mem_new(struct port_watch);

    w->loop = loop;
    w->events = events;
    w->arg = arg;
    w->rules_fd = w->rules.fd = -1;
    return w;
}

static void stop(struct port_watch *w)
{
    ev_timer_stop(&w->look);
    port_trigger_free(MOVE(w->trigger));
    evloop_remove(w->loop, &w->rules);
    if (w->rules_fd >= 0)
        (void)close(MOVE_FD(w->rules_fd));
    ports_done(&w->now);
    w->is_told = false;
    w->protocols = 0;
}

void port_watch_free(struct port_watch *w)
{
    if (!w)
        return;
    stop(w);
    free(w);
}

void port_watch_set(struct port_watch *w, unsigned protocols)
{
    auto_err struct err *err = NULL, *rules_err = NULL;

    stop(w);
    w->protocols = protocols & (GUEST_WATCH_TCP | GUEST_WATCH_UDP);
    if (!w->protocols)
        return;
    w->pause_ms = SETTLE_MS;
    w->poll_ms = POLL_MIN_MS;
    w->trigger = port_trigger_new(w->loop, w->protocols, look_soon, w, &err);
    if (!w->trigger)
        log_debug("Ports are polled: %s", err_text(err));
    if (!nat_rules_watch(&w->rules_fd, &rules_err) ||
        !evloop_add(w->loop, &w->rules, w->rules_fd, EPOLLIN, rules_changed, &rules_err))
        log_debug("Redirected ports are not watched: %s", err_text(rules_err));
    look_due(&w->look);
}

bool port_watch_has_nat(const struct port_watch *w, enum guest_proto proto, uint16_t port)
{
    return ports_has_nat(&w->now, proto, port);
}
