#include "prog/hostagent/clock_watch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/mem.h"
#include "svc/loop/watch.h"

enum { FAR_AWAY_S = 365 * 24 * 3600 };

struct clock_watch {
    struct watch *watch;
    clock_watch_fn on_jump;
    void *arg;
};

static bool arm(int fd)
{
    struct itimerspec when = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &when.it_value);
    when.it_value.tv_sec += FAR_AWAY_S;
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) == 0;
}

static void timer_readable(void *arg)
{
    struct clock_watch *c = arg;
    uint64_t n_expired;
    ssize_t n = read(watch_fd(c->watch), &n_expired, sizeof(n_expired));
    bool jumped = n < 0 && errno == ECANCELED;

    if (n < 0 && !jumped)
        return;
    (void)arm(watch_fd(c->watch));
    if (jumped)
        c->on_jump(c->arg);
}

struct clock_watch *clock_watch_open(struct uv_loop_s *loop, clock_watch_fn on_jump, void *arg,
                                     struct err **errp)
{
    auto_fd int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    struct clock_watch *c;

    if (fd < 0 || !arm(fd)) {
        (void)err_set_os(errp, errno, "cannot watch the clock");
        return NULL;
    }
    c = mem_new(struct clock_watch);
    c->on_jump = on_jump;
    c->arg = arg;
    c->watch = watch_open(loop, MOVE_FD(fd), timer_readable, c, errp);
    if (!c->watch) {
        free(c);
        return NULL;
    }
    return c;
}

void clock_watch_close(struct clock_watch *c)
{
    if (!c)
        return;
    watch_close(c->watch);
    free(c);
}
