/*
 * One thread. Its loop serves the connections of forwards directly; everything else, of which
 * little happens, is in an epoll set of its own that is one source of the loop: the link and its
 * listening socket, signals, one timer, and, until the boot is over, inotify on /run for the
 * markers of wire/initrd.h. Idle, connected, booted: nothing wakes up.
 *
 * The phase `ssh` is done when the marker is there (user, keys and environment are final) and
 * something listens on port 22. Nobody tells of a listener, so that one is looked for with growing
 * pauses, between the marker and the listener only.
 */
#include "prog/guestagent/daemon.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/clock.h"
#include "prog/guestagent/disk_links.h"
#include "prog/guestagent/echo_child.h"
#include "prog/guestagent/forwards.h"
#include "prog/guestagent/link.h"
#include "prog/guestagent/netconf.h"
#include "prog/guestagent/netif.h"
#include "prog/guestagent/phases.h"
#include "prog/guestagent/power.h"
#include "prog/guestagent/report.h"
#include "prog/guestagent/share_jobs.h"
#include "prog/guestagent/ssh_watch.h"
#include "prog/guestagent/touch.h"
#include "prog/guestagent/unit.h"
#include "prog/guestagent/update.h"
#include "sys/dir.h"
#include "sys/evloop.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wire/initrd.h"

enum {
    SSH_PAUSE_MIN_MS = 20,
    SSH_PAUSE_MAX_MS = 500,
    NICE = -10,
    GOODBYE_MS = 2000, /* for the last frames before the program is replaced */
    FAILED_SIZE_MAX = GUEST_TEXT_LEN_MAX,
};

enum source {
    SOURCE_LINK,
    SOURCE_LISTEN,
    SOURCE_SIGNAL,
    SOURCE_TIMER,
    SOURCE_MARKERS,
    SOURCE_ADDRESSES,
    SOURCE_POWER,
};

struct daemon {
    struct evloop *loop; /* forwards; epoll_fd is one of its sources */
    struct ev_source own_events;
    struct forwards *forwards;
    struct share_jobs *share_jobs;
    struct disk_links *disk_links; /* NULL = not needed */
    struct echo_child *echo_child;
    struct touch_child *touch_child;
    int epoll_fd, signal_fd, timer_fd;
    int markers_fd;     /* -1 once the boot is over */
    int addresses_fd;   /* -1 unless the primary interface waits for its address */
    struct power power; /* only the line: keys belong to the init */
    struct link link;
    struct phases phases;
    char *phases_path;
    struct update update;
    char program[PATH_MAX]; /* what an update replaces */
    unsigned ssh_pause_ms;
    uint64_t ssh_at_ns; /* when to look for the listener again; 0 = not waiting */
    bool has_timer;     /* timer_fd is set */
    bool is_replaced;   /* by an update */
    bool is_ending;
};

static bool watch(struct daemon *d, int fd, enum source source)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

    return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void tell_phase(struct daemon *d, enum guest_phase phase, enum guest_state state,
                       const char *text)
{
    auto_sb struct sb frame = { 0 };
    auto_err struct err *err = NULL;

    if (!phases_set(&d->phases, phase, state, text))
        return;
    log_info("Phase %s: %s%s%s", guest_phase_name(phase), guest_state_name(state), text ? ": " : "",
             text ? text : "");
    if (!phases_save(&d->phases, d->phases_path, &err))
        log_warn("%s", err_text(err));
    phases_put(&d->phases, phase, &frame);
    link_send(&d->link, &frame);
}

static void greet(struct daemon *d)
{
    auto_sb struct sb frames = { 0 };

    update_cancel(&d->update);
    report_put_hello(0, &frames);
    phases_put_all(&d->phases, &frames);
    link_send(&d->link, &frames);
    forwards_begin(d->forwards);
}

static void check_ssh(struct daemon *d)
{
    d->ssh_at_ns = 0;
    if (phases_is(&d->phases, GUEST_PHASE_SSH, GUEST_DONE) || !file_exists(INITRD_SSH_READY))
        return;
    if (ssh_watch_is_listening(SSH_WATCH_PORT)) {
        tell_phase(d, GUEST_PHASE_SSH, GUEST_DONE, NULL);
        return;
    }
    tell_phase(d, GUEST_PHASE_SSH, GUEST_BEGUN, NULL);
    d->ssh_at_ns = host_monotonic_ns() + (uint64_t)d->ssh_pause_ms * 1000000;
    d->ssh_pause_ms =
        d->ssh_pause_ms * 2 > SSH_PAUSE_MAX_MS ? SSH_PAUSE_MAX_MS : d->ssh_pause_ms * 2;
}

static void check_boot(struct daemon *d)
{
    auto_sb struct sb failed = { 0 };

    if (!file_exists(INITRD_BOOT_DONE)) {
        tell_phase(d, GUEST_PHASE_BOOT, GUEST_BEGUN, NULL);
        return;
    }
    if (file_exists(INITRD_BOOT_FAILED)) {
        if (!file_read_all(INITRD_BOOT_FAILED, FAILED_SIZE_MAX, &failed, NULL))
            sb_puts(&failed, "more than can be named");
        tell_phase(d, GUEST_PHASE_BOOT, GUEST_FAILED, sb_str(&failed));
    } else {
        tell_phase(d, GUEST_PHASE_BOOT, GUEST_DONE, NULL);
    }
}

static void check_markers(struct daemon *d)
{
    char events[4096];

    while (d->markers_fd >= 0 && read(d->markers_fd, events, sizeof(events)) > 0)
        ; /* which one it was does not matter */
    check_ssh(d);
    check_boot(d);
    if (d->markers_fd >= 0 && phases_is(&d->phases, GUEST_PHASE_SSH, GUEST_DONE) &&
        !phases_is(&d->phases, GUEST_PHASE_BOOT, GUEST_BEGUN))
        (void)close(MOVE_FD(d->markers_fd));
}

/* The /init leaves this open when somebody else has to ask DHCP. */
static void check_network(struct daemon *d)
{
    char events[4096];

    while (d->addresses_fd >= 0 &&
           (read(d->addresses_fd, events, sizeof(events)) > 0 || errno == ENOBUFS))
        ;
    if (!phases_is(&d->phases, GUEST_PHASE_NETWORK, GUEST_BEGUN) ||
        !netif_has_address(NETCONF_PRIMARY))
        return;
    tell_phase(d, GUEST_PHASE_NETWORK, GUEST_DONE, NULL);
    if (d->addresses_fd >= 0)
        (void)close(MOVE_FD(d->addresses_fd));
}

static void take_time(struct daemon *d, int64_t host_ns)
{
    auto_err struct err *err = NULL;
    struct guest_msg answer = { .type = GUEST_TIME_RESULT };
    bool adjusted;

    if (!clock_sync(host_ns, &answer.drift_ns, &adjusted, &err))
        answer.text = sv_of(err_text(err));
    answer.adjusted = adjusted;
    if (adjusted)
        log_info("The clock was off by %lld ms", (long long)(answer.drift_ns / 1000000));
    link_send_msg(&d->link, &answer);
}

static void answer_update(struct daemon *d, const struct err *err)
{
    if (err)
        log_error("Update: %s", err_text(err));
    link_send_msg(&d->link, &(struct guest_msg){ .type = GUEST_UPDATE_RESULT,
                                                 .text = sv_of(err ? err_text(err) : "") });
}

static void begin_update(struct daemon *d, const struct guest_msg *msg)
{
    auto_err struct err *err = NULL;

    if (!update_begin(&d->update, d->program, msg->size, msg->crc, &err))
        answer_update(d, err);
}

static void feed_update(struct daemon *d, struct sv data)
{
    auto_err struct err *err = NULL;
    bool complete;

    if (d->update.fd < 0)
        return; /* the rest of one that failed, which was answered */
    if (!update_feed(&d->update, data, &complete, &err)) {
        answer_update(d, err);
        return;
    }
    if (complete) {
        answer_update(d, NULL);
        link_flush(&d->link, GOODBYE_MS);
        d->is_replaced = d->is_ending = true;
    }
}

static void take_message(struct daemon *d, const struct guest_msg *msg)
{
    switch (msg->type) {
    case GUEST_HELLO:
        log_info("Connected to host agent %.*s", SV_ARG(msg->program));
        break;
    case GUEST_TIME:
        take_time(d, msg->time_ns);
        break;
    case GUEST_UPDATE:
        begin_update(d, msg);
        break;
    case GUEST_UPDATE_DATA:
        feed_update(d, msg->data);
        break;
    case GUEST_PING:
        link_send_msg(&d->link, &(struct guest_msg){ .type = GUEST_PONG, .id = msg->id });
        break;
    case GUEST_ECHO:
        echo_child_start(d->echo_child);
        break;
    case GUEST_TOUCH:
        touch_child_take(d->touch_child, msg);
        break;
    default: /* of forwards, or what only a guest says */
        if (!share_jobs_take_message(d->share_jobs, msg))
            forwards_take_message(d->forwards, msg);
        break;
    }
}

static void take_messages(struct daemon *d)
{
    struct guest_msg msg;

    while (!d->is_ending && link_next(&d->link, &msg))
        take_message(d, &msg);
}

static void take_signals(struct daemon *d)
{
    while (sig_read(d->signal_fd))
        d->is_ending = true;
}

/* The init does not see this button. */
static void power_off(void)
{
    auto_err struct err *err = NULL;
    auto_cmd struct cmd cmd = { 0 };

    strv_push(&cmd.argv, "poweroff");
    if (!cmd_check(&cmd, NULL, &err))
        log_error("%s", err_text(err));
}

/* 0: nothing will be. */
static uint64_t next_due_ns(const struct daemon *d)
{
    uint64_t retry = d->link.retry_at_ns, ssh = d->ssh_at_ns;

    return !ssh || (retry && retry < ssh) ? retry : ssh;
}

/* Does what is due and sets the timer for what will be. */
static void run_timers(struct daemon *d)
{
    struct itimerspec when = { 0 };
    uint64_t now, next;

    if (!next_due_ns(d) && !d->has_timer)
        return; /* as in most rounds, and clocks are slow in some machines */
    now = host_monotonic_ns();
    if (d->ssh_at_ns && now >= d->ssh_at_ns)
        check_markers(d);
    if (link_tick(&d->link, now))
        greet(d);

    next = next_due_ns(d);
    d->has_timer = next != 0;
    when.it_value.tv_sec = (time_t)(next / 1000000000);
    when.it_value.tv_nsec = (long)(next % 1000000000);
    (void)timerfd_settime(d->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void dispatch(struct daemon *d, enum source source)
{
    uint64_t n_expired;

    switch (source) {
    case SOURCE_LINK:
        if (link_fd_ready(&d->link))
            greet(d);
        take_messages(d);
        break;
    case SOURCE_LISTEN:
        if (link_listen_ready(&d->link))
            greet(d);
        break;
    case SOURCE_SIGNAL:
        take_signals(d);
        break;
    case SOURCE_TIMER:
        (void)!read(d->timer_fd, &n_expired, sizeof(n_expired));
        break;
    case SOURCE_MARKERS:
        check_markers(d);
        break;
    case SOURCE_ADDRESSES:
        check_network(d);
        break;
    case SOURCE_POWER:
        if (power_is_pressed(&d->power, d->power.line_fd))
            power_off();
        break;
    }
}

static void own_events_ready(struct ev_source *source, uint32_t ready)
{
    struct daemon *d = CONTAINER_OF(source, struct daemon, own_events);
    struct epoll_event events[8];
    int n = epoll_wait(d->epoll_fd, events, COUNT(events), 0);

    for (int i = 0; i < n && !d->is_ending; i++)
        dispatch(d, (enum source)events[i].data.u32);
}

/* The bytes of a stream come in small packets, each of which makes the agent ready to run. Let the
 * kernel deliver all there are before the agent reads them together; and once it runs, let it come
 * to its end, instead of switching to what each of its own packets makes ready, and back. What it
 * executes is not affected. */
static void run_in_batches(void)
{
    const struct sched_param param = { .sched_priority = 0 };

    if (sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &param) < 0 ||
        setpriority(PRIO_PROCESS, 0, NICE) < 0)
        log_debug("Cannot set the scheduling policy: %s", strerror(errno));
}

static bool set_up(struct daemon *d, const struct options *options, struct err **errp)
{
    static const int signals[] = { SIGTERM, SIGINT, 0 };
    ssize_t n = readlink("/proc/self/exe", d->program, sizeof(d->program) - 1);

    if (n < 0)
        return err_set_os(errp, errno, "cannot find this program");
    d->program[n] = '\0';
    sig_ignore_pipe();
    if (!dir_make_all(options->runtime_dir, 0755, errp) || !sig_open(signals, &d->signal_fd, errp))
        return false;
    d->phases_path = path_join(options->runtime_dir, "phases");
    phases_load(&d->phases, d->phases_path);
    d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    d->markers_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (d->epoll_fd < 0 || d->timer_fd < 0 || d->markers_fd < 0 ||
        inotify_add_watch(d->markers_fd, "/run", IN_MOVED_TO | IN_CLOSE_WRITE) < 0 ||
        !watch(d, d->signal_fd, SOURCE_SIGNAL) || !watch(d, d->timer_fd, SOURCE_TIMER) ||
        !watch(d, d->markers_fd, SOURCE_MARKERS))
        return err_set_os(errp, errno, "cannot watch for events");
    if (phases_is(&d->phases, GUEST_PHASE_NETWORK, GUEST_BEGUN) &&
        (!netif_watch_addresses(&d->addresses_fd, errp) ||
         !watch(d, d->addresses_fd, SOURCE_ADDRESSES)))
        return false;

    run_in_batches();
    power_open_line(&d->power);
    if (d->power.line_fd >= 0 && !watch(d, d->power.line_fd, SOURCE_POWER))
        return err_set_os(errp, errno, "cannot watch the power button");

    d->link.vsock_port = options->vsock_port ? options->vsock_port : GUEST_VSOCK_PORT;
    d->link.virtio_port = options->virtio_port[0] ? options->virtio_port : GUEST_VIRTIO_PORT;
    d->link.socket_owner =
        options->socket_owner == UNIT_OWNER_UNSET ? (uid_t)-1 : (uid_t)options->socket_owner;
    d->link.epoll_fd = d->epoll_fd;
    d->link.epoll_fd_tag = SOURCE_LINK;
    d->link.epoll_listen_tag = SOURCE_LISTEN;
    link_init(&d->link);
    d->loop = evloop_new(errp);
    if (!d->loop ||
        !evloop_add(d->loop, &d->own_events, d->epoll_fd, EPOLLIN, own_events_ready, errp))
        return false;
    d->forwards = forwards_new(d->loop, &d->link);
    d->share_jobs = share_jobs_new(d->loop, &d->link);
    d->disk_links = disk_links_new(d->loop);
    d->echo_child = echo_child_new(d->loop);
    d->touch_child = touch_child_new();
    return true;
}

static bool run(struct daemon *d, struct err **errp)
{
    check_network(d);
    check_markers(d);
    while (!d->is_ending) {
        run_timers(d);
        if (d->link.state != LINK_UP)
            forwards_end(d->forwards);
        if (!evloop_step(d->loop, -1, errp))
            return false;
    }
    return true;
}

static void tear_down(struct daemon *d)
{
    touch_child_free(d->touch_child);
    echo_child_free(d->echo_child);
    share_jobs_free(d->share_jobs);
    disk_links_free(d->disk_links);
    forwards_free(d->forwards);
    evloop_free(d->loop);
    link_done(&d->link);
    update_cancel(&d->update);
    phases_done(&d->phases);
    free(d->phases_path);
    if (d->epoll_fd >= 0)
        (void)close(d->epoll_fd);
    if (d->timer_fd >= 0)
        (void)close(d->timer_fd);
    if (d->signal_fd >= 0)
        (void)close(d->signal_fd);
    if (d->markers_fd >= 0)
        (void)close(d->markers_fd);
    if (d->addresses_fd >= 0)
        (void)close(d->addresses_fd);
    power_done(&d->power);
}

bool daemon_run(const struct options *options, char *const *argv, struct err **errp)
{
    struct daemon d = { .own_events.fd = -1,
                        .epoll_fd = -1,
                        .signal_fd = -1,
                        .timer_fd = -1,
                        .markers_fd = -1,
                        .addresses_fd = -1,
                        .power = POWER_NONE,
                        .link = { .fd = -1, .listen_fd = -1 },
                        .update = UPDATE_NONE,
                        .ssh_pause_ms = SSH_PAUSE_MIN_MS };
    bool ok = set_up(&d, options, errp);

    if (ok)
        ok = run(&d, errp);
    tear_down(&d);
    if (ok && d.is_replaced) {
        log_info("Going on as the new guest agent");
        (void)execv(d.program, argv);
        return err_set_os(errp, errno, "cannot execute %s", d.program);
    }
    return ok;
}
