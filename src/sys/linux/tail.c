/*
 * Two watches: the directory tells when the file appears or is replaced, the file itself tells when
 * it grows (watching the directory for that would wake us for every log file in it). Wake-ups only
 * mean "look again"; what happened is read from the file system.
 */
#include "sys/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "sys/host.h"
#include "sys/sys_priv.h"

enum { TAIL_LINE_MAX = 1 << 20, TAIL_CHUNK = 32 * 1024 };

struct tail {
    char *path;
    int inotify_fd;
    int file_watch; /* -1 while there is no file */
    int fd;         /* -1 while there is no file */
    struct stat st; /* of fd */
    uint64_t read_pos;
    struct sb buf;     /* read, not yet handed out */
    size_t handed_out; /* bytes at the start of buf that the last line used */
    size_t scanned;    /* bytes of buf known to hold no line feed */
};

struct tail *tail_new(const char *path, uint64_t offset, struct err **errp)
{
    auto_mem char *dir = path_dir(path);
    struct tail *tail = mem_new(struct tail);

    tail->path = mem_strdup(path);
    tail->fd = -1;
    tail->file_watch = -1;
    tail->read_pos = offset;
    tail->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (tail->inotify_fd < 0 ||
        inotify_add_watch(tail->inotify_fd, dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        (void)sys_fail(errp, errno, "cannot watch %s", dir);
        tail_free(tail);
        return NULL;
    }
    return tail;
}

void tail_free(struct tail *tail)
{
    if (!tail)
        return;
    if (tail->fd >= 0)
        (void)close(tail->fd);
    if (tail->inotify_fd >= 0)
        (void)close(tail->inotify_fd);
    sb_done(&tail->buf);
    free(tail->path);
    free(tail);
}

uint64_t tail_offset(const struct tail *tail)
{
    return tail->read_pos - (tail->buf.n - tail->handed_out);
}

int tail_fd(const struct tail *tail)
{
    return tail->inotify_fd;
}

static void forget_wakeups(struct tail *tail)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    while (read(tail->inotify_fd, events, sizeof(events)) > 0)
        ;
}

static void start_over(struct tail *tail)
{
    tail->read_pos = 0;
    tail->handed_out = tail->scanned = 0;
    sb_truncate(&tail->buf, 0);
}

static void close_file(struct tail *tail)
{
    if (tail->file_watch >= 0)
        (void)inotify_rm_watch(tail->inotify_fd, tail->file_watch);
    if (tail->fd >= 0)
        (void)close(tail->fd);
    tail->fd = tail->file_watch = -1;
}

/* Makes fd the file that has the name now. False: there is none, or it is the one we have. */
static bool reopen(struct tail *tail)
{
    auto_fd int fd = open(tail->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    bool first = tail->fd < 0 && tail->st.st_ino == 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    if (tail->fd >= 0 && st.st_ino == tail->st.st_ino && st.st_dev == tail->st.st_dev)
        return false;
    close_file(tail);
    if (!first)
        start_over(tail);
    tail->fd = MOVE_FD(fd);
    tail->st = st;
    tail->file_watch = inotify_add_watch(tail->inotify_fd, tail->path, IN_MODIFY | IN_ATTRIB);
    return true;
}

/* Reads what is new. 1: something, 0: nothing, -1: *errp. */
static int read_more(struct tail *tail, struct err **errp)
{
    struct stat st;
    char *room;
    ssize_t n;

    if (tail->fd < 0)
        return 0;
    if (fstat(tail->fd, &st) == 0 && (uint64_t)st.st_size < tail->read_pos)
        start_over(tail);
    room = sb_reserve(&tail->buf, TAIL_CHUNK);
    do
        n = pread(tail->fd, room, TAIL_CHUNK, (off_t)tail->read_pos);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        (void)sys_fail(errp, errno, "cannot read %s", tail->path);
        return -1;
    }
    sb_commit(&tail->buf, (size_t)n);
    tail->read_pos += (uint64_t)n;
    return n > 0;
}

static bool take_line(struct tail *tail, struct sv *out_line)
{
    struct sv fresh;
    ptrdiff_t at;

    sb_consume(&tail->buf, tail->handed_out);
    tail->handed_out = 0;
    fresh = sv_slice(sb_view(&tail->buf), tail->scanned, tail->buf.n);
    at = sv_find(fresh, '\n');
    if (at < 0) {
        tail->scanned = tail->buf.n;
        return false;
    }
    *out_line = sv_slice(sb_view(&tail->buf), 0, tail->scanned + (size_t)at);
    tail->handed_out = out_line->n + 1;
    tail->scanned = 0;
    return true;
}

enum tail_result tail_next(struct tail *tail, int timeout_ms, int wake_fd, struct sv *out_line,
                           struct err **errp)
{
    uint64_t deadline = host_monotonic_ns() + (timeout_ms > 0 ? (uint64_t)timeout_ms * 1000000 : 0);
    bool woken = false;

    for (;;) {
        struct pollfd fds[2] = { { .fd = tail->inotify_fd, .events = POLLIN },
                                 { .fd = wake_fd, .events = POLLIN } };
        uint64_t now;
        int wait_ms = timeout_ms, got;

        if (take_line(tail, out_line))
            return TAIL_LINE;
        if (tail->buf.n > TAIL_LINE_MAX) {
            (void)err_set(errp, ERR_INVALID, "%s has a line longer than %d bytes", tail->path,
                          TAIL_LINE_MAX);
            return TAIL_FAILED;
        }
        forget_wakeups(tail); /* before looking: what happens from here on wakes us again */
        got = read_more(tail, errp);
        if (got < 0)
            return TAIL_FAILED;
        if (got > 0 || reopen(tail))
            continue;
        if (woken)
            return TAIL_WOKEN;
        now = host_monotonic_ns();
        if (timeout_ms > 0)
            wait_ms = now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0;
        if (wait_ms == 0)
            return TAIL_TIMEOUT;
        (void)poll(fds, COUNT(fds), wait_ms);
        woken = fds[1].revents != 0;
    }
}
