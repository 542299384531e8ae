#include "prog/guestagent/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/beneath.h"
#include "sys/proc.h"

enum { NS_PER_S = 1000000000 };

/* ---- the process ---- */

bool touch_file(const struct guest_msg *msg, struct err **errp)
{
    const struct timespec at = { .tv_sec = (time_t)(msg->time_ns / NS_PER_S),
                                 .tv_nsec = (long)(msg->time_ns % NS_PER_S) };
    const struct timespec times[2] = { at, at };
    auto_mem char *mount_point = sv_dup(msg->mount_point);
    auto_mem char *name = sv_dup(msg->data.n ? msg->data : SV("."));
    char link[sizeof("/proc/self/fd/") + 12];
    auto_fd int top = -1;
    auto_fd int fd = -1;

    if (msg->time_ns < 0)
        return err_set(errp, ERR_INVALID, "the time of %s is before 1970", name);
    top = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return err_set_os(errp, errno, "%s", mount_point);
    fd = beneath_open(top, name, O_PATH | O_NOFOLLOW, 0, BENEATH_NO_LINKS);
    if (fd < 0)
        return err_set_os(errp, -fd, "%s in %s", name, mount_point);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (utimensat(AT_FDCWD, link, times, 0) < 0)
        return err_set_os(errp, errno, "%s in %s", name, mount_point);
    return true;
}

bool touch_run(struct err **errp)
{
    struct guest_reader reader = { 0 };
    enum guest_read status = GUEST_READ_MORE;
    char bytes[16384];
    ssize_t n = 0;

    while (status == GUEST_READ_MORE && (n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
        struct guest_msg msg;

        guest_reader_feed(&reader, bytes, (size_t)n);
        while ((status = guest_reader_next(&reader, &msg, errp)) == GUEST_READ_MESSAGE) {
            auto_err struct err *err = NULL;

            if (msg.type == GUEST_TOUCH && !touch_file(&msg, &err))
                log_debug("%s", err_text(err));
        }
    }
    guest_reader_done(&reader);
    if (n < 0)
        return err_set_os(errp, errno, "cannot read what is to be touched");
    return status == GUEST_READ_MORE;
}

/* ---- the agent ---- */

struct touch_child {
    struct proc proc; /* PROC_NONE until it is needed */
};

static void end(struct touch_child *c)
{
    int status;

    if (c->proc.pid < 0)
        return;
    (void)proc_signal(&c->proc, SIGKILL);
    /* In a file system that hangs it would not even die: then the init reaps it. */
    (void)!proc_wait(&c->proc, 0, &status, NULL);
    proc_done(&c->proc);
    c->proc = PROC_NONE;
}

/* Atomic, or not at all. */
static bool send(struct touch_child *c, const struct guest_msg *msg)
{
    auto_sb struct sb frame = { 0 };

    guest_encode(&frame, msg);
    if (frame.n > PIPE_BUF)
        return true; /* a path that long is left */
    if (write(c->proc.in_fd, frame.p, frame.n) >= 0)
        return true;
    if (errno == EAGAIN)
        log_debug("Too much is to be touched at once");
    return errno == EAGAIN || errno == EINTR;
}

static bool start(struct touch_child *c)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_PIPE(0),
                                .out = CMD_TO_NULL,
                                .flags = CMD_DIES_WITH_PARENT };
    auto_err struct err *err = NULL;

    strv_push_list(&cmd.argv, "/proc/self/exe", "touch", NULL);
    if (log_enabled(LOG_DEBUG))
        strv_push(&cmd.argv, "--debug");
    if (!cmd_start(&cmd, &c->proc, &err)) {
        log_warn("Changes of the host are not told: %s", err_text(err));
        c->proc = PROC_NONE;
        return false;
    }
    (void)fcntl(c->proc.in_fd, F_SETFL, O_NONBLOCK);
    return send(c, &(struct guest_msg){ .type = GUEST_HELLO,
                                        .version = GUEST_VERSION,
                                        .program = SV(CLIMA_VERSION) });
}

void touch_child_take(struct touch_child *c, const struct guest_msg *msg)
{
    if ((c->proc.pid >= 0 || start(c)) && !send(c, msg))
        end(c); /* it has ended: the next one starts another */
}

struct touch_child *touch_child_new(void)
{
    struct touch_child *c = mem_new(struct touch_child);

    c->proc = PROC_NONE;
    return c;
}

void touch_child_free(struct touch_child *c)
{
    if (!c)
        return;
    end(c);
    free(c);
}
