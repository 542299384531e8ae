#include "prog/guestagent/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/inittab.h"
#include "prog/guestagent/mounts.h"
#include "prog/guestagent/power.h"
#include "prog/guestagent/unit.h"
#include "prog/guestagent/unmount.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wire/initrd.h"

enum {
    INITTAB_SIZE_MAX = 64 * 1024,
    RESPAWN_PAUSE_MS = 1000, /* for a service that ended sooner than this after its start */
    GRACE_MS = 500,          /* between SIGTERM and SIGKILL at the end */
    KILL_MS = 500,           /* for the kernel to take down what was killed */
    SERVED_MS = 10000,       /* for mounts that others serve to be let go */
    REBOOT_MS = 10000,       /* for the kernel to end the machine: normally milliseconds */
};

struct service {
    const struct strv *argv; /* borrowed */
    pid_t pid;               /* 0 = not running */
    uint64_t started_ns;
    bool is_due; /* to be started when the timer fires */
};

struct supervisor {
    struct inittab inittab;
    struct strv daemon, boot; /* argument vectors; empty = not wanted */
    VEC(struct service) services;
    struct power power;
    int signal_fd, timer_fd, epoll_fd;
};

static void start(struct service *service)
{
    auto_err struct err *err = NULL;
    struct cmd cmd = { .argv = *service->argv, .in = CMD_TO_NULL, .flags = CMD_OWN_SESSION };
    struct proc proc = PROC_NONE;

    service->started_ns = host_monotonic_ns();
    service->is_due = false;
    if (!cmd_start(&cmd, &proc, &err)) {
        log_error("%s", err_text(err));
        service->pid = 0;
        return;
    }
    service->pid = proc.pid;
    proc_done(&proc);
}

static void add_service(struct supervisor *s, const struct strv *argv)
{
    struct service *service = vec_push(&s->services);

    service->argv = argv;
    start(service);
}

static void set_timer(struct supervisor *s, unsigned ms)
{
    struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
                                             .tv_nsec = (long)(ms % 1000) * 1000000 } };

    (void)timerfd_settime(s->timer_fd, 0, &when, NULL);
}

static void service_ended(struct supervisor *s, struct service *service, int status)
{
    uint64_t lived_ms = (host_monotonic_ns() - service->started_ns) / 1000000;

    log_info("%s ended with status %d", service->argv->v[0], status);
    service->pid = 0;
    if (lived_ms >= RESPAWN_PAUSE_MS) {
        start(service);
        return;
    }
    service->is_due = true;
    set_timer(s, RESPAWN_PAUSE_MS);
}

static void reap(struct supervisor *s)
{
    int wait_status;

    for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;)
        for (size_t i = 0; i < s->services.n; i++)
            if (s->services.v[i].pid == pid)
                service_ended(s, &s->services.v[i], proc_status(wait_status));
}

static void start_due(struct supervisor *s)
{
    uint64_t n_expired;

    if (read(s->timer_fd, &n_expired, sizeof(n_expired)) < 0)
        return;
    for (size_t i = 0; i < s->services.n; i++)
        if (s->services.v[i].is_due)
            start(&s->services.v[i]);
}

/* Waits until this process is gone (-1: every one but our own), or the deadline. */
static bool wait_for(pid_t wanted, int timeout_ms)
{
    uint64_t deadline = host_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        uint64_t now = host_monotonic_ns();

        if ((pid < 0 && errno == ECHILD) || (pid > 0 && pid == wanted))
            return true;
        if (pid > 0)
            continue;
        if (now >= deadline)
            return false;

        struct timespec rest = { .tv_sec = (time_t)((deadline - now) / 1000000000),
                                 .tv_nsec = (long)((deadline - now) % 1000000000) };

        (void)sigtimedwait(&set, NULL, &rest);
    }
}

/*
 * The end, without hanging: a file system whose server (the host's device process) died while it
 * owed an answer never answers, and the kernel, which is unplugging that device, neither completes
 * that nor ever ends the machine, since it asks each device to shut down. So disks are made clean
 * first, a child does what may hang, and the machine is reset in the end; the host agent, which
 * asked for the end, takes that for one.
 */
static void let_go_of_served(const struct unmount_plan *plan)
{
    pid_t pid = fork();

    if (pid == 0) {
        unmount_served(plan);
        _exit(0);
    }
    if (pid > 0 && !wait_for(pid, SERVED_MS))
        log_warn("Mounts that others serve cannot be let go");
}

static _Noreturn void end_machine(int reboot_command, int reset_fd)
{
    pid_t pid = reboot_command == (int)RB_HALT_SYSTEM ? -1 : fork();

    if (pid <= 0)
        (void)reboot(reboot_command);
    if (pid == 0)
        _exit(1);
    (void)wait_for(pid, REBOOT_MS);
    if (write(reset_fd, "b", 1) < 0)
        log_error("Cannot reset the machine: %s", strerror(errno));
    for (;;)
        (void)pause();
}

static _Noreturn void shut_down(int reboot_command)
{
    struct unmount_plan plan;
    int reset_fd;

    log_info("Shutting down");
    (void)kill(-1, SIGTERM);
    (void)kill(-1, SIGHUP); /* what shells of sessions end at */
    (void)kill(-1, SIGCONT);
    if (!wait_for(-1, GRACE_MS)) {
        (void)kill(-1, SIGKILL);
        (void)wait_for(-1, KILL_MS);
    }
    reset_fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
    unmount_plan_read(&plan);
    unmount_own(&plan);
    let_go_of_served(&plan);
    end_machine(reboot_command, reset_fd);
}

static void take_signals(struct supervisor *s)
{
    for (int signum; (signum = sig_read(s->signal_fd));) {
        switch (signum) {
        case SIGCHLD:
            reap(s);
            break;
        case SIGUSR2:
        case SIGPWR:
            shut_down(RB_POWER_OFF);
        case SIGUSR1:
            shut_down(RB_HALT_SYSTEM);
        case SIGTERM:
        case SIGINT:
            shut_down(RB_AUTOBOOT);
        }
    }
}

static bool watch(struct supervisor *s, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    return fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void open_events(struct supervisor *s)
{
    static const int signals[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGPWR, SIGTERM, SIGINT, 0 };
    auto_err struct err *err = NULL;
    bool ok;

    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (!sig_open(signals, &s->signal_fd, &err))
        log_error("%s", err_text(err));
    ok = watch(s, s->signal_fd) && watch(s, s->timer_fd);
    power_open_keys(&s->power);
    power_open_line(&s->power);
    if (s->power.keys.n == 0 && s->power.line_fd < 0)
        log_warn("There is no power button: the machine can only be stopped by force");
    for (size_t i = 0; i < s->power.keys.n; i++)
        ok = watch(s, s->power.keys.v[i]) && ok;
    if (s->power.line_fd >= 0)
        ok = watch(s, s->power.line_fd) && ok;
    if (!ok)
        log_error("Cannot watch for events: %s", strerror(errno));
    (void)reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT */
}

static void start_services(struct supervisor *s, const struct seed *seed)
{
    auto_sb struct sb text = { 0 };
    auto_mem char *installed = seed->prefix ? mem_printf("%s/bin/" AGENT_NAME, seed->prefix) : NULL;
    const char *program = installed && file_exists(installed) ? installed : "/proc/self/exe";

    if (file_read_all("/etc/inittab", INITTAB_SIZE_MAX, &text, NULL))
        inittab_parse(sb_view(&text), &s->inittab);
    for (size_t i = 0; i < s->inittab.respawn.n; i++)
        add_service(s, &s->inittab.respawn.v[i]);
    if (!seed->iid || !seed->plain) {
        strv_push_list(&s->daemon, program, "daemon", "--runtime-dir=" AGENT_RUNTIME, NULL);
        if (seed->vsock_port)
            strv_pushf(&s->daemon, "--vsock-port=%u", seed->vsock_port);
        if (seed->virtio_port && seed->virtio_port[0])
            strv_pushf(&s->daemon, "--virtio-port=%s", seed->virtio_port);
        if (seed->uid)
            strv_pushf(&s->daemon, "--socket-owner=%u", seed->uid);
        add_service(s, &s->daemon);
    }
    if (file_exists(INITRD_SEED_DIR "/boot.sh")) {
        struct service boot = { .argv = &s->boot };

        /* Not one of the services: it runs once. */
        strv_push_list(&s->boot, program, "boot", NULL);
        start(&boot);
    }
}

/* Interfaces without a fixed address, and without anything else in a system like this to ask for
 * one. */
static void start_dhcp(struct supervisor *s, const struct seed *seed)
{
    for (size_t i = 0; i < seed->nics.n; i++) {
        struct strv *argv;

        if (i == 0 && seed->address[0])
            continue;
        argv = mem_new(struct strv); /* as long as this process */
        strv_push_list(argv, "udhcpc", "-f", "-i", seed->nics.v[i].name, NULL);
        add_service(s, argv);
    }
}

_Noreturn void supervise_run(const struct seed *seed)
{
    struct supervisor s = { .signal_fd = -1, .power = POWER_NONE };

    (void)setsid();
    (void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    (void)malloc_trim(0); /* what the seed needed */
    mounts_late();
    open_events(&s);
    start_services(&s, seed);
    start_dhcp(&s, seed);
    for (;;) {
        struct epoll_event events[8];
        int n = epoll_wait(s.epoll_fd, events, COUNT(events), -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == s.signal_fd)
                take_signals(&s);
            else if (fd == s.timer_fd)
                start_due(&s);
            else if (power_is_pressed(&s.power, fd))
                shut_down(RB_POWER_OFF);
        }
    }
}
