#include "prog/guestagent/echo.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/echo_ops.h"
#include "prog/guestagent/share_all.h"
#include "prog/guestagent/transport.h"

enum { READ_SIZE = 16 * 1024, CUT_PAUSE_S = 3 };

struct echo {
    int fd;
    bool is_cut; /* the device of the connection is gone */
    struct sb in;
    struct echo_mounts mounts;
};

static bool say(const struct echo *e, enum echo_type type, struct err **errp)
{
    auto_sb struct sb out = { 0 };
    size_t sent = 0;

    echo_put(&out, &(struct echo_msg){ .type = type });
    while (sent < out.n) {
        ssize_t n = write(e->fd, out.p + sent, out.n - sent);

        if (n < 0 && errno != EINTR)
            return err_set_os(errp, errno, "cannot answer the host");
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The host tells us by this one look. */
static bool show_who_we_are(const struct echo *e, const struct echo_msg *msg, struct err **errp)
{
    auto_mem char *name = mem_printf(ECHO_NAME_PREFIX "%016llx%016llx",
                                     (unsigned long long)msg->dir, (unsigned long long)msg->dir2);
    struct stat st;

    (void)!fstatat(e->mounts.all_fd, name, &st, 0);
    return say(e, ECHO_READY, errp);
}

static bool take_message(struct echo *e, const struct echo_msg *msg, struct err **errp)
{
    switch (msg->type) {
    case ECHO_HELLO:
        return show_who_we_are(e, msg, errp);
    case ECHO_SYNC:
        return say(e, ECHO_DONE, errp);
    case ECHO_GONE:
        echo_mounts_drop(&e->mounts, msg->export);
        return true;
    case ECHO_READY:
    case ECHO_DONE:
        return true; /* only we say that */
    default:
        echo_repeat(&e->mounts, msg);
        return true;
    }
}

static bool take_messages(struct echo *e, struct err **errp)
{
    struct sv rest = sb_view(&e->in);
    enum echo_take status;
    struct echo_msg msg;

    while ((status = echo_take(&rest, &msg, errp)) == ECHO_TAKEN)
        if (!take_message(e, &msg, errp))
            return false;
    if (status == ECHO_BROKEN)
        return false;
    if (rest.n < e->in.n) {
        memmove(e->in.p, rest.p, rest.n);
        sb_truncate(&e->in, rest.n);
    }
    return true;
}

static bool converse(struct echo *e, struct err **errp)
{
    char bytes[READ_SIZE];

    for (;;) {
        ssize_t n = read(e->fd, bytes, sizeof(bytes));

        if (n < 0 && errno == EINTR)
            continue;
        e->is_cut = n < 0;
        if (n < 0)
            return err_set_os(errp, errno, "cannot listen to the host");
        if (n == 0)
            return err_set(errp, ERR_CANCELED, "the host tells of changes no longer");
        sb_put_mem(&e->in, bytes, (size_t)n);
        if (!take_messages(e, errp))
            return false;
    }
}

/* Who served the connection also served the files. What we let go of now, or ask, would be a request
 * that nobody answers, and with it the guest could not let go of that device. */
static void wait_until_files_are_gone(void)
{
    struct timespec pause = { .tv_sec = CUT_PAUSE_S };

    while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
        continue;
}

bool echo_run(struct err **errp)
{
    auto_share_all struct share_all all = SHARE_ALL_NONE;
    struct echo e = { .fd = -1 };
    bool ok;

    if (!share_all_open(&all, true, errp))
        return false;
    e.mounts.all_fd = all.fd;
    ok = transport_vsock_as_root(ECHO_PORT, ECHO_PEER_PORT_END, &e.fd, errp) && converse(&e, errp);

    if (e.is_cut)
        wait_until_files_are_gone();
    echo_mounts_done(&e.mounts);
    sb_done(&e.in);
    if (e.fd >= 0)
        (void)close(e.fd);
    return ok;
}
