#include "instance/follow.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/store/names.h"
#include "sys/host.h"
#include "sys/tail.h"

#define PREFIX "[hostagent] "
#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000ULL

/* Longest sleep of one poll; a later deadline is reached in several. */
#define POLL_MAX_MS (60 * 1000)

struct follow {
    struct tail *events, *lines;
    int64_t begin_ns;
};

struct follow *follow_new(const char *dir, int64_t begin_ns, struct err **errp)
{
    auto_follow struct follow *follow = mem_new(struct follow);
    auto_mem char *events_path = path_join(dir, NAME_HA_STDOUT_LOG);
    auto_mem char *lines_path = path_join(dir, NAME_HA_STDERR_LOG);

    follow->begin_ns = begin_ns;
    follow->events = tail_new(events_path, 0, errp);
    if (!follow->events)
        return NULL;
    follow->lines = tail_new(lines_path, 0, errp);
    if (!follow->lines)
        return NULL;
    return MOVE(follow);
}

void follow_free(struct follow *follow)
{
    if (!follow)
        return;
    tail_free(follow->events);
    tail_free(follow->lines);
    free(follow);
}

static void repeat_line(const struct follow *follow, struct sv line)
{
    struct event_log log;

    if (line.n == 0)
        return;
    event_log_decode(line, &log);
    if (log.time_ns == 0 || log.time_ns >= follow->begin_ns - NS_PER_S)
        log_fields(log.level, log.fields, log.n_fields, PREFIX "%s", log.text);
    event_log_done(&log);
}

/* Repeats the log lines that are there. */
static bool repeat_lines(struct follow *follow, struct err **errp)
{
    struct sv line;
    enum tail_result result;

    while ((result = tail_next(follow->lines, 0, -1, &line, errp)) == TAIL_LINE)
        repeat_line(follow, line);
    return result != TAIL_FAILED;
}

/* Takes the next event that is there; TAIL_TIMEOUT when there is none. */
static enum tail_result take_event(struct follow *follow, struct event *out, struct err **errp)
{
    struct sv line;
    enum tail_result result;

    while ((result = tail_next(follow->events, 0, -1, &line, errp)) == TAIL_LINE) {
        if (line.n == 0)
            continue;
        if (!event_decode(line, out, errp))
            return TAIL_FAILED;
        if (out->time_ns >= follow->begin_ns)
            return TAIL_LINE;
        event_done(out);
    }
    return result;
}

static int poll_timeout(uint64_t deadline_ns)
{
    uint64_t now = host_monotonic_ns();
    uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;

    return left_ms > POLL_MAX_MS ? POLL_MAX_MS : (int)left_ms;
}

enum follow_result follow_next(struct follow *follow, uint64_t deadline_ns, int wake_fd,
                               struct event *out, struct err **errp)
{
    bool woken = false;

    for (;;) {
        struct pollfd fds[] = {
            { .fd = tail_fd(follow->events), .events = POLLIN },
            { .fd = tail_fd(follow->lines), .events = POLLIN },
            { .fd = wake_fd, .events = POLLIN },
        };

        /* Log lines first: they explain the event that follows them. */
        if (!repeat_lines(follow, errp))
            return FOLLOW_FAILED;
        switch (take_event(follow, out, errp)) {
        case TAIL_LINE:
            return FOLLOW_EVENT;
        case TAIL_FAILED:
            return FOLLOW_FAILED;
        case TAIL_TIMEOUT:
        case TAIL_WOKEN:
            break;
        }
        /* The descriptor was readable before the logs were read to their ends. */
        if (woken)
            return FOLLOW_WOKEN;
        if (host_monotonic_ns() >= deadline_ns)
            return FOLLOW_TIMEOUT;
        if (poll(fds, COUNT(fds), poll_timeout(deadline_ns)) < 0 && errno != EINTR) {
            err_set_os(errp, errno, "waiting for the host agent");
            return FOLLOW_FAILED;
        }
        woken = fds[2].revents != 0;
    }
}
