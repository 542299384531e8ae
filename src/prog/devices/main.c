/*
 * `devices`: the vhost-user back ends of one virtual machine. It touches guest memory and parses
 * what the guest says, so it is confined (sandbox.h) before it reads the first byte; it lives as
 * long as QEMU, so it does not depend on the host agent. options.h has the command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "prog/devices/control.h"
#include "prog/devices/options.h"
#include "prog/devices/sandbox.h"
#include "prog/devices/seccomp.h"

/* Descriptors that are not the host side of a stream. */
#define OTHER_FDS (64 + FUSE_DIRS_OPEN_MAX)

/* What waits for a peer that does not read goes back to the host with its last byte, when it was at
 * least this. malloc by itself raises its own threshold to whatever was freed, up to 32 MiB. */
#define RETURNED_BYTES (128 << 10)

struct devices {
    struct evloop *loop;
    struct vsock_dev *vsock;
    struct fs_thread *files; /* NULL = no file system device */
    struct control *control;
    bool has_warned, has_failed;
};

static void guest_up(void *owner, bool resumed)
{
    struct devices *d = owner;

    log_debug("the guest's vsock driver is ready");
    control_guest_changed(d->control, true, resumed);
}

static void guest_down(void *owner, const char *broken)
{
    struct devices *d = owner;

    /* Once: a guest could fill the log. */
    if (broken && !d->has_warned)
        log_warn("the guest broke a queue of its vsock device: %s; its streams were reset, it works "
                 "again when the driver starts anew", broken);
    d->has_warned = d->has_warned || broken;
    control_guest_changed(d->control, false, false);
}

static bool guest_connects(void *owner, struct vsock_stream *s)
{
    struct devices *d = owner;

    return control_guest_connects(d->control, s);
}

static void qemu_gone(void *owner, const struct err *err)
{
    struct devices *d = owner;

    if (err)
        log_error("%s", err_text(err));
    d->has_failed = err != NULL;
    evloop_stop(d->loop);
}

static const struct vsock_dev_events vsock_events = {
    .on_up = guest_up,
    .on_down = guest_down,
    .on_request = guest_connects,
    .on_gone = qemu_gone,
};

/* Closes everything but the standard descriptors and the given ones. */
static void close_others(const int *kept, size_t n_kept)
{
    unsigned from = 3;

    for (;;) {
        unsigned next = ~0u;

        for (size_t i = 0; i < n_kept; i++)
            if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
                next = (unsigned)kept[i];
        if (next > from)
            (void)close_range(from, next == ~0u ? next : next - 1, 0);
        if (next == ~0u)
            return;
        from = next + 1;
    }
}

/* How many streams the limit of descriptors allows, after it was raised as far as it goes. */
static unsigned raise_limit(void)
{
    struct rlimit limit = { OTHER_FDS, OTHER_FDS };

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= VSOCK_STREAMS_MAX + OTHER_FDS)
        return VSOCK_STREAMS_MAX;
    return limit.rlim_cur > 2 * OTHER_FDS ? (unsigned)limit.rlim_cur - OTHER_FDS : OTHER_FDS;
}

/* Nothing may reach us through the terminal or the file system we were started in. */
static bool detach(const struct options *o, struct err **errp)
{
    auto_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0 || dup2(null_fd, 0) < 0)
        return err_set_os(errp, errno, "cannot open /dev/null");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)setsid();
    (void)mallopt(M_MMAP_THRESHOLD, RETURNED_BYTES);
    (void)umask(0); /* the guest's kernel applies that of the program there */
    close_others((const int[]){ o->control_fd, o->vsock_fd, o->fs_fd }, 3);
    null_fd = -1; /* it was among them */
    return true;
}

static bool serve(struct devices *d, const struct options *o, struct err **errp)
{
    const unsigned n_streams = raise_limit();
    enum devctl_sandbox level;

    d->loop = evloop_new(errp);
    if (!d->loop || !sandbox_enter(&level, errp))
        return false;
    /* A thread cannot be started under the filter. */
    if (o->fs_fd >= 0 && !(d->files = fs_thread_new(d->loop, errp)))
        return false;
    if (!seccomp_enter(errp))
        return false;
    d->control = control_new(d->loop, o->control_fd, level, errp);
    if (!d->control)
        return false;
    d->vsock = vsock_dev_new(d->loop, o->vsock_fd, n_streams, &vsock_events, d, errp);
    if (!d->vsock)
        return false;
    control_set_vsock(d->control, d->vsock);
    control_set_files(d->control, d->files);
    if (d->files)
        fs_thread_serve(d->files, o->fs_fd);
    return evloop_run(d->loop, errp);
}

int main(int argc, char **argv)
{
    struct devices d = { 0 };
    auto_err struct err *err = NULL;
    struct options o;
    bool ok;

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    if (argc < 1 || !options_parse(argv + 1, &o, &err)) {
        log_error("devices: %s", err ? err_text(err) : "no arguments");
        return 1;
    }
    if (o.debug)
        log_set_level(LOG_DEBUG);
    ok = detach(&o, &err) && serve(&d, &o, &err);
    if (!ok)
        log_error("devices: %s", err_text(err));
    if (d.vsock)
        control_free(d.control);
    fs_thread_free(d.files);
    vsock_dev_free(d.vsock);
    evloop_free(d.loop);
    return ok && !d.has_failed ? 0 : 1;
}
