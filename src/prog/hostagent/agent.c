#include "prog/hostagent/agent.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/store/names.h"
#include "prog/hostagent/api.h"
#include "prog/hostagent/boot_progress.h"
#include "prog/hostagent/clock_watch.h"
#include "prog/hostagent/disks.h"
#include "prog/hostagent/dns.h"
#include "prog/hostagent/event.h"
#include "prog/hostagent/forwards.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/mounts.h"
#include "prog/hostagent/ssh_task.h"
#include "prog/hostagent/state.h"
#include "svc/loop/timer.h"
#include "svc/loop/watch.h"
#include "svc/ssh/master.h"
#include "svc/ssh/options.h"
#include "sys/file.h"
#include "sys/sig.h"
#include "sys/tty.h"

enum {
    /* Clocks drift apart slowly; jumps are noticed at once (clock_watch.h). */
    TIME_INTERVAL_MS = 5 * 60 * 1000,
    /* From the loss of `devices` to another way to the guest: usually the machine has ended, too.
     */
    RELINK_DELAY_MS = 3 * 1000,
    RENEWAL_MS = 60 * 1000, /* a driver is done with it by then */
};

struct agent {
    struct uv_loop_s *loop;
    struct setup *setup; /* borrowed */
    struct readiness_timing timing;
    enum agent_state state;
    bool has_failed;
    struct events events;
    struct api_facts api_facts;
    struct http_server *api;
    struct watch *signals;
    struct driver *driver;

    struct readiness *readiness; /* WAIT, until the guest is ready */
    bool is_guest_ready;         /* it is, but perhaps its mounts are not */
    struct strv guest_errors;    /* what was not as it should be then */
    struct boot_progress *progress; /* WAIT, READY */

    struct guest_link *link; /* WAIT, READY */
    enum driver_link_kind link_kind; /* of the last one */
    struct forwards *forwards;
    struct dns *dns; /* NULL without hostResolver */
    struct mounts *mounts;
    struct disks *disks;
    struct timer *relink;
    struct timer *time_sync;
    struct clock_watch *clock;
    char *updated_from; /* version of a guest agent that was told to replace itself */

    struct ssh_task *task; /* forward of the agent's socket; end of the shared connection */
    struct ssh_task *agent_socket_task;
};

static void agent_stop(struct agent *a);

static bool is_live(const struct agent *a)
{
    return a->state == AGENT_WAIT || a->state == AGENT_READY;
}

static struct ssh_task_params task_params(struct agent *a,
                                          void (*on_end)(void *arg, const struct err *err))
{
    return (struct ssh_task_params){
        .loop = a->loop,
        .ssh_program = &a->setup->ssh_program,
        .ssh_options = &a->setup->ssh_options,
        .ssh_address = SSH_ADDRESS,
        .ssh_port = a->setup->ssh_port,
        .on_end = on_end,
        .arg = a,
    };
}

/* --- The guest link --- */

static void replace_guest_agent(struct agent *a, struct sv version)
{
    const char *program = a->setup->options->guest_agent;
    auto_err struct err *err = NULL;

    if (sv_eq(version, SV(LIMA_VERSION "+clima." CLIMA_VERSION)) || !program)
        return;
    if (a->updated_from && sv_eq_str(version, a->updated_from)) {
        log_warn("The guest agent is still of another version");
        return; /* it was tried */
    }
    mem_replace(&a->updated_from, sv_dup(version));
    if (guest_link_update(a->link, program, &err))
        log_info("Replacing the guest agent, which is of another version");
    else
        log_warn("Cannot replace the guest agent: %s", err_text(err));
}

static void guest_greeted(void *arg, const struct guest_msg *hello)
{
    struct agent *a = arg;
    bool is_in_initrd = hello->flags & GUEST_IN_INITRD;

    if (is_in_initrd)
        boot_progress_has_own_init(a->progress);
    if (a->readiness)
        readiness_hello(a->readiness, is_in_initrd);
    if (is_in_initrd)
        return;
    timer_stop(a->relink);
    guest_link_send_time(a->link);
    timer_set(a->time_sync, TIME_INTERVAL_MS);
    forwards_greeted(a->forwards);
    dns_greeted(a->dns, a->link);
    mounts_greeted(a->mounts);
    replace_guest_agent(a, hello->program);
}

static void guest_phase(void *arg, enum guest_phase phase, enum guest_state state, struct sv text)
{
    struct agent *a = arg;
    auto_mem char *line = mem_printf("%s: %s%s%.*s", guest_phase_name(phase),
                                     guest_state_name(state), text.n ? ": " : "", SV_ARG(text));

    if (phase == GUEST_PHASE_INIT)
        boot_progress_has_own_init(a->progress);
    if (a->readiness)
        boot_progress_phase(a->progress, sv_of(line));
    if (a->readiness)
        readiness_phase(a->readiness, phase, state, text);
}

static void guest_ports(void *arg, const struct guest_msg *msg)
{
    struct agent *a = arg;

    forwards_ports(a->forwards, msg);
}

static void guest_answered(void *arg, const struct guest_msg *msg)
{
    struct agent *a = arg;

    if (!dns_answer(a->dns, msg))
        forwards_answer(a->forwards, msg);
}

static void guest_lost(void *arg)
{
    struct agent *a = arg;

    forwards_lost(a->forwards);
    dns_lost(a->dns);
    mounts_lost(a->mounts);
}

static void guest_mounted(void *arg, const struct guest_msg *msg)
{
    struct agent *a = arg;

    mounts_answer(a->mounts, msg);
}

static void close_link(struct agent *a)
{
    forwards_detach(a->forwards);
    dns_detach(a->dns);
    mounts_detach(a->mounts);
    guest_link_close(MOVE(a->link));
}

static void link_died(void *arg, const struct err *err)
{
    struct agent *a = arg;

    log_debug("guest link: %s", err_text(err));
    close_link(a);
    timer_stop(a->time_sync);
    /* The driver tells whether its link comes back. */
    if (is_live(a))
        timer_set(a->relink, a->link_kind == DRIVER_LINK_DEVICES ? RENEWAL_MS : RELINK_DELAY_MS);
}

static const struct guest_link_events link_events = {
    .on_hello = guest_greeted,
    .on_phase = guest_phase,
    .on_ports = guest_ports,
    .on_listen_result = guest_answered,
    .on_mount_result = guest_mounted,
    .on_lost = guest_lost,
    .on_dead = link_died,
};

static bool expects_agent(const struct agent *a)
{
    return !a->setup->config.plain.v && strcmp(a->setup->config.os, "Linux") == 0 &&
           driver_get_link(a->driver).kind != DRIVER_LINK_NONE;
}

static void open_link(struct agent *a, struct driver_link where)
{
    auto_err struct err *err = NULL;

    close_link(a);
    a->link_kind = where.kind;
    a->link = guest_link_open(a->loop, where, &link_events, a, &err);
    if (a->link) {
        forwards_attach(a->forwards, a->link);
        if (where.kind != DRIVER_LINK_SSH)
            mounts_attach(a->mounts, a->link);
    } else {
        log_warn("No link to the guest agent: %s", err_text(err));
        timer_set(a->relink, RELINK_DELAY_MS);
    }
}

static void socket_forwarded(void *arg, const struct err *err)
{
    struct agent *a = arg;
    auto_mem char *path = path_join(a->setup->dir, NAME_GA_SOCK);

    ssh_task_close(a->task);
    a->task = NULL;
    if (err)
        log_warn("Cannot forward the socket of the guest agent: %s", err_text(err));
    else
        open_link(a, (struct driver_link){ .kind = DRIVER_LINK_SSH, .path = path });
}

/* When the driver's link does not work: the agent's Unix socket, through the shared connection. */
static void link_by_ssh(struct agent *a)
{
    struct ssh_task_params params = task_params(a, socket_forwarded);
    auto_mem char *path = path_join(a->setup->dir, NAME_GA_SOCK);
    auto_err struct err *err = NULL;

    if (a->task)
        return;
    if (file_remove(path, &err))
        a->task = ssh_task_forward_socket(&params, path, GUEST_SOCKET, &err);
    if (!a->task)
        log_warn("Cannot forward the socket of the guest agent: %s", err_text(err));
}

static void relink_due(void *arg)
{
    struct agent *a = arg;

    if (!is_live(a))
        return;
    log_warn("The link to the guest goes over ssh until the instance is restarted");
    link_by_ssh(a);
}

static void time_due(void *arg)
{
    struct agent *a = arg;

    guest_link_send_time(a->link);
    timer_set(a->time_sync, TIME_INTERVAL_MS);
}

static void clock_jumped(void *arg)
{
    struct agent *a = arg;

    log_debug("the clock of this host jumped");
    guest_link_send_time(a->link);
}

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
    struct ssh_task_params params = task_params(a, agent_socket_linked);
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
    link_by_ssh(arg);
}

/* The guest is ready, and so are its mounts. */
static void announce(struct agent *a)
{
    auto_strv struct strv all = { 0 };

    mounts_errors(a->mounts, &all);
    strv_extend(&all, &a->guest_errors);
    for (size_t i = 0; i < all.n; i++)
        log_warn("DEGRADED: %s", all.v[i]);
    agent_state_set(&a->state, AGENT_READY);
    disks_guest_ready(a->disks);
    events_running(&a->events, a->setup->ssh_port, &all);
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
        .ssh_program = &setup->ssh_program,
        .ssh_options = &setup->ssh_options,
        .ssh_address = SSH_ADDRESS,
        .ssh_port = setup->ssh_port,
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
        .iid = setup->iid,
        .ssh_program = &setup->ssh_program,
        .ssh_options = &setup->ssh_options,
        .ssh_address = SSH_ADDRESS,
        .ssh_port = setup->ssh_port,
        .tries = a->timing.tries,
        .try_interval_ms = a->timing.try_interval_ms,
        .on_settled = mounts_settled,
        .arg = a,
    });
    a->api_facts.mounts = a->mounts;
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
    });
    a->progress = boot_progress_open(a->loop, a->setup, &a->events);
    if (expects_agent(a))
        open_link(a, driver_get_link(a->driver));
    a->readiness = readiness_open(&(struct readiness_params){
        .loop = a->loop,
        .config = &a->setup->config,
        .iid = a->setup->iid,
        .expect_agent = expects_agent(a),
        .ssh_program = &a->setup->ssh_program,
        .ssh_options = &a->setup->ssh_options,
        .ssh_address = SSH_ADDRESS,
        .ssh_port = a->setup->ssh_port,
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
        close_link(a);
        a->api_facts.forwards = NULL;
        forwards_close(MOVE(a->forwards));
        dns_close(MOVE(a->dns));
        a->api_facts.mounts = NULL;
        mounts_close(MOVE(a->mounts));
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
    struct ssh_task_params params = task_params(a, master_exited);
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

static void link_renewed(struct agent *a, const char *files_lost)
{
    if (!is_live(a))
        return;
    if (files_lost)
        log_warn("The guest has its link again; folders of this host are lost until the instance is "
                 "restarted: %s", files_lost);
    else
        log_info("The guest has its devices again");
    timer_stop(a->relink);
    close_link(a);
    mounts_renew(a->mounts, files_lost);
    open_link(a, driver_get_link(a->driver));
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
        link_renewed(a, event->text);
        break;
    case DRIVER_EVENT_LINK_LOST:
        log_warn("The link to the guest goes over ssh until the instance is restarted: %s",
                 event->text);
        mounts_renew(a->mounts, event->text);
        link_by_ssh(a);
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
    a->relink = timer_open(a->loop, relink_due, a);
    a->time_sync = timer_open(a->loop, time_due, a);
    a->api = api_open(a->loop, a->setup->options->socket_path, &a->api_facts, errp);
    if (a->api)
        a->clock = clock_watch_open(a->loop, clock_jumped, a, errp);
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
