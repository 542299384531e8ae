#include "prog/hostagent/agent.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/hostagent/agent_priv.h"
#include "prog/hostagent/boot_progress.h"
#include "prog/hostagent/clock_watch.h"
#include "prog/hostagent/disks.h"
#include "prog/hostagent/dns.h"
#include "prog/hostagent/forwards.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/mounts.h"
#include "prog/hostagent/touches.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "svc/ssh/master.h"
#include "svc/ssh/options.h"
#include "sys/sig.h"
#include "sys/tty.h"

/* --- Readiness --- */

static void agent_socket_linked(void *arg, const struct err *err)
{
    struct agent *a = arg;

    ssh_task_close(a->agent_socket_task);
    a->agent_socket_task = NULL;
    if (err)
        log_warn("Cannot offer the ssh agent as /run/host-services/ssh-auth.sock: %s",
                 err_text(err));
}

/* A fixed name for the socket of the host's ssh agent, wherever sshd put it. */
static void link_agent_socket(struct agent *a)
{
    static const char script[] = "#!/bin/sh\n"
                                 "[ -n \"$SSH_AUTH_SOCK\" ] || exit 0\n"
                                 "dir=/run/host-services\n"
                                 "sudo mkdir -p -m 755 $dir\n"
                                 "sudo ln -sfn \"$SSH_AUTH_SOCK\" $dir/ssh-auth.sock\n";
    struct ssh_task_params params = agent_task_params(a, agent_socket_linked);
    auto_err struct err *err = NULL;

    if (!a->setup->config.ssh.forward_agent.v || a->setup->config.plain.v)
        return;
    a->agent_socket_task = ssh_task_script(&params, script, &err);
    if (!a->agent_socket_task)
        log_warn("Cannot offer the ssh agent: %s", err_text(err));
}

static void ssh_usable(void *arg)
{
    struct agent *a = arg;

    forwards_ssh_usable(a->forwards);
    mounts_ssh_usable(a->mounts);
    link_agent_socket(a);
    boot_progress_ssh_usable(a->progress);
}

static void agent_missing(void *arg)
{
    agent_link_by_ssh(arg);
}

void agent_announce_errors(struct agent *a)
{
    auto_strv struct strv all = { 0 };

    if (a->state != AGENT_READY)
        return; /* it is told then */
    mounts_errors(a->mounts, &all);
    strv_extend(&all, &a->guest_errors);
    for (size_t i = 0; i < all.n; i++)
        log_warn("DEGRADED: %s", all.v[i]);
    events_running(&a->events, a->setup->ssh_port, &all);
}

/* The guest is ready, and so are its mounts. */
static void announce(struct agent *a)
{
    agent_state_set(&a->state, AGENT_READY);
    disks_guest_ready(a->disks);
    agent_announce_errors(a);
    boot_progress_ready(a->progress);
}

static void guest_ready(void *arg, const struct strv *errors)
{
    struct agent *a = arg;

    strv_extend(&a->guest_errors, errors);
    readiness_close(a->readiness);
    a->readiness = NULL;
    a->is_guest_ready = true;
    if (mounts_are_settled(a->mounts))
        announce(a);
}

static void mounts_settled(void *arg)
{
    struct agent *a = arg;

    if (a->state == AGENT_WAIT && a->is_guest_ready)
        announce(a);
}

static const struct readiness_events readiness_events = {
    .on_ssh = ssh_usable,
    .on_agent_missing = agent_missing,
    .on_done = guest_ready,
};

static void open_forwards(struct agent *a)
{
    const struct setup *setup = a->setup;

    a->forwards = forwards_open(&(struct forwards_params){
        .loop = a->loop,
        .config = &setup->config,
        .name = setup->options->name,
        .dir = setup->dir,
        .home = setup->store.home,
        .ssh = setup_guest_ssh(setup),
        .prefers_ssh = setup->forwards_over_ssh,
        .relays_ssh = setup->config.ssh.over_vsock.v &&
                      driver_get_link(a->driver).kind == DRIVER_LINK_DEVICES,
        .events = &a->events,
    });
    a->api_facts.forwards = a->forwards;
}

static void open_dns(struct agent *a)
{
    const struct setup *setup = a->setup;

    a->dns = dns_open(&(struct dns_params){
        .loop = a->loop,
        .config = &setup->config,
        .facts = setup->driver_type->facts,
        .hostname = setup->hostname,
        .resolv_conf_path = setup->resolv_conf_path,
    });
}

static void open_mounts(struct agent *a)
{
    const struct setup *setup = a->setup;

    a->mounts = mounts_open(&(struct mounts_params){
        .loop = a->loop,
        .config = &setup->config,
        .driver = a->driver,
        .iid = setup->iid,
        .dir = setup->dir,
        .machine_path = setup->pid_path,
        .is_adopting = setup->is_adopting,
        .ssh = setup_guest_ssh(setup),
        .tries = a->timing.tries,
        .try_interval_ms = a->timing.try_interval_ms,
        .on_settled = mounts_settled,
        .arg = a,
    });
    a->api_facts.mounts = a->mounts;
    if (!mounts_tell_changes(a->mounts))
        a->touches = touches_open(a->loop, &setup->config);
}

static void machine_started(struct agent *a)
{
    agent_state_set(&a->state, AGENT_WAIT);
    events_started(&a->events, a->setup->ssh_port);
    open_forwards(a);
    open_dns(a);
    open_mounts(a);
    a->disks = a->api_facts.disks = disks_open(&(struct disks_params){
        .loop = a->loop,
        .driver = a->driver,
        .store = &a->setup->store,
        .config = &a->setup->config,
        .dir = a->setup->dir,
        .ssh = setup_guest_ssh(a->setup),
    });
    a->progress = boot_progress_open(a->loop, a->setup, &a->events);
    agent_open_link(a);
    a->readiness = readiness_open(&(struct readiness_params){
        .loop = a->loop,
        .config = &a->setup->config,
        .iid = a->setup->iid,
        .expect_agent = agent_expects_guest_agent(a),
        .ssh = setup_guest_ssh(a->setup),
        .timing = a->timing,
        .events = &readiness_events,
        .arg = a,
    });
}

/* --- The end --- */

/* Whatever has to do with the guest. */
static void close_guest(struct agent *a)
{
    readiness_close(a->readiness);
    a->readiness = NULL;
    boot_progress_close(MOVE(a->progress));
    if (a->forwards) {
        agent_close_link(a);
        a->api_facts.forwards = NULL;
        forwards_close(MOVE(a->forwards));
        dns_close(MOVE(a->dns));
        a->api_facts.mounts = NULL;
        mounts_close(MOVE(a->mounts));
        touches_close(MOVE(a->touches));
    }
    a->api_facts.disks = NULL;
    disks_stop(a->disks);
    ssh_task_close(a->task);
    a->task = NULL;
    ssh_task_close(a->agent_socket_task);
    a->agent_socket_task = NULL;
    timer_stop(a->relink);
    timer_stop(a->time_sync);
}

static void agent_exit(struct agent *a, bool has_failed)
{
    agent_state_set(&a->state, AGENT_EXIT);
    a->has_failed = has_failed;
    close_guest(a);
    driver_close(a->driver);
    a->driver = NULL;
    disks_close(MOVE(a->disks));
    clock_watch_close(a->clock);
    a->clock = NULL;
    timer_close(a->relink);
    timer_close(a->time_sync);
    a->relink = a->time_sync = NULL;
    watch_close(a->signals);
    a->signals = NULL;
    events_exiting(&a->events);
    http_server_close(a->api);
    a->api = NULL;
}

static void stop_machine(struct agent *a)
{
    auto_err struct err *err = NULL;

    if (driver_stop(a->driver, &err))
        return;
    log_error("Cannot stop the virtual machine: %s", err_text(err));
    driver_kill(a->driver);
}

static void master_exited(void *arg, const struct err *err)
{
    struct agent *a = arg;

    if (err)
        log_debug("ending the shared ssh connection: %s", err_text(err));
    ssh_task_close(a->task);
    a->task = NULL;
    stop_machine(a);
}

static void agent_stop(struct agent *a)
{
    struct ssh_task_params params = agent_task_params(a, master_exited);
    auto_err struct err *err = NULL;

    agent_state_set(&a->state, AGENT_STOP);
    close_guest(a);
    if (ssh_master_probe(a->setup->dir) == SSH_MASTER_ALIVE) {
        a->task = ssh_task_exit_master(&params, &err);
        if (a->task)
            return;
        log_debug("ending the shared ssh connection: %s", err_text(err));
    }
    stop_machine(a);
}

static void signal_came(struct agent *a, int signum)
{
    if (signum == SIGHUP && !tty_is(STDIN_FILENO))
        return; /* a terminal that we were started from, not run on */
    if (a->state < AGENT_STOP) {
        log_info("Received %s, shutting down the host agent", sig_name(signum));
        agent_stop(a);
    } else if (a->state == AGENT_STOP) {
        log_warn("Received %s again, ending the virtual machine at once", sig_name(signum));
        driver_kill(a->driver);
    }
}

static void signals_readable(void *arg)
{
    struct agent *a = arg;
    int signum;

    while (a->signals && (signum = sig_read(watch_fd(a->signals))) != 0)
        signal_came(a, signum);
}

static void machine_exited(struct agent *a, const struct driver_event *event)
{
    bool has_failed = event->exit == DRIVER_EXIT_FAILED;

    if (has_failed)
        log_error("The virtual machine ended: %s", err_text(event->err));
    else
        log_info("The virtual machine ended: %s", driver_exit_names[event->exit]);
    agent_exit(a, has_failed);
}

static void driver_event(void *arg, const struct driver_event *event)
{
    struct agent *a = arg;

    switch (event->kind) {
    case DRIVER_EVENT_STARTED:
        if (a->state == AGENT_LAUNCH)
            machine_started(a);
        break;
    case DRIVER_EVENT_PAUSED:
        log_warn("The virtual machine stands still: %s", event->text);
        break;
    case DRIVER_EVENT_RESUMED:
        log_info("The virtual machine goes on");
        guest_link_send_time(a->link);
        break;
    case DRIVER_EVENT_LINK_RENEWED:
    case DRIVER_EVENT_LINK_LOST:
    case DRIVER_EVENT_FILES_RENEWED:
    case DRIVER_EVENT_FILES_LOST:
        agent_link_event(a, event);
        break;
    case DRIVER_EVENT_EXITED:
        machine_exited(a, event);
        break;
    }
}

/* --- The beginning --- */

static void driver_noted(void *arg, enum log_level level, const char *text)
{
    log_at(level, "%s", text);
}

static bool launch(struct agent *a, struct err **errp)
{
    struct setup *setup = a->setup;
    struct driver_params params = {
        .inst = { .config = &setup->config,
                  .name = setup->options->name,
                  .dir = setup->dir,
                  .cache_dir = setup->cache_dir,
                  .on_note = driver_noted },
        .ssh_port = setup->ssh_port,
        .mac = setup->mac,
        .disks = setup->disks.v,
        .n_disks = setup->disks.n,
        .block_devices = setup->block_devices.v,
        .n_block_devices = setup->block_devices.n,
        .loop = a->loop,
        .on_event = driver_event,
        .arg = a,
    };

    a->driver = driver_open(setup->driver_type, &params, errp);
    if (!a->driver)
        return false;
    if (!setup->is_adopting) {
        bool ok = driver_start(a->driver, errp);

        setup_close_block_devices(setup);
        return ok;
    }
    log_info("Taking over the running virtual machine");
    return driver_adopt(a->driver, errp);
}

struct agent *agent_open(const struct agent_params *params, struct err **errp)
{
    struct agent *a = mem_new(struct agent);
    auto_fd int signal_fd = params->take_signal_fd;

    a->loop = params->loop;
    a->setup = params->setup;
    a->timing = params->timing;
    a->events.fd = params->events_fd;
    a->api_facts.ssh_port = params->setup->ssh_port;
    a->api_facts.auto_started_identifier = params->setup->auto_started_identifier;
    a->relink = timer_open(a->loop, agent_relink_due, a);
    a->time_sync = timer_open(a->loop, agent_time_due, a);
    a->api = api_open(a->loop, a->setup->options->socket_path, &a->api_facts, errp);
    if (a->api)
        a->clock = clock_watch_open(a->loop, agent_clock_jumped, a, errp);
    if (a->clock && signal_fd >= 0)
        a->signals = watch_open(a->loop, MOVE_FD(signal_fd), signals_readable, a, errp);
    if (!a->clock || (params->take_signal_fd >= 0 && !a->signals) || !launch(a, errp)) {
        agent_exit(a, true);
        (void)agent_free(a);
        return NULL;
    }
    agent_state_set(&a->state, AGENT_LAUNCH);
    return a;
}

int agent_free(struct agent *agent)
{
    int status = agent->has_failed ? 1 : 0;

    assert(agent->state == AGENT_EXIT);
    events_done(&agent->events);
    strv_done(&agent->guest_errors);
    free(agent->updated_from);
    free(agent);
    return status;
}
