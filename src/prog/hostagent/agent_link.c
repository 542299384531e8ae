/*
 * The link to the guest agent, and those who use it: forwards, DNS, mounts, the clock. The driver's
 * link may be renewed while the machine runs, or be lost; then it goes over ssh.
 */
#include "prog/hostagent/agent_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "model/store/names.h"
#include "prog/hostagent/boot_progress.h"
#include "prog/hostagent/dns.h"
#include "prog/hostagent/forwards.h"
#include "prog/hostagent/guest_link.h"
#include "prog/hostagent/mounts.h"
#include "prog/hostagent/touches.h"
#include "svc/loop/timer.h"
#include "svc/ssh/options.h"
#include "sys/file.h"

enum {
    /* Clocks drift apart slowly; jumps are noticed at once (clock_watch.h). */
    TIME_INTERVAL_MS = 5 * 60 * 1000,
    /* From the loss of `devices` to another way to the guest: usually the machine has ended, too.
     */
    RELINK_DELAY_MS = 3 * 1000,
    RENEWAL_MS = 60 * 1000, /* a driver is done with it by then */
};

static bool is_live(const struct agent *a)
{
    return a->state == AGENT_WAIT || a->state == AGENT_READY;
}

struct ssh_task_params agent_task_params(struct agent *a,
                                         void (*on_end)(void *arg, const struct err *err))
{
    return (struct ssh_task_params){
        .loop = a->loop,
        .ssh = setup_guest_ssh(a->setup),
        .on_end = on_end,
        .arg = a,
    };
}

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
    touches_attach(a->touches, a->link);
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
    if (phase == GUEST_PHASE_BOOT && state != GUEST_BEGUN)
        mounts_booted(a->mounts); /* before READY, which waits for them */
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

void agent_close_link(struct agent *a)
{
    forwards_detach(a->forwards);
    dns_detach(a->dns);
    mounts_detach(a->mounts);
    touches_detach(a->touches);
    guest_link_close(MOVE(a->link));
}

static void link_died(void *arg, const struct err *err)
{
    struct agent *a = arg;

    log_debug("guest link: %s", err_text(err));
    agent_close_link(a);
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

bool agent_expects_guest_agent(const struct agent *a)
{
    return !a->setup->config.plain.v && strcmp(a->setup->config.os, "Linux") == 0 &&
           driver_get_link(a->driver).kind != DRIVER_LINK_NONE;
}

static void open_link(struct agent *a, struct driver_link where)
{
    auto_err struct err *err = NULL;

    agent_close_link(a);
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

void agent_open_link(struct agent *a)
{
    if (agent_expects_guest_agent(a))
        open_link(a, driver_get_link(a->driver));
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
void agent_link_by_ssh(struct agent *a)
{
    struct ssh_task_params params = agent_task_params(a, socket_forwarded);
    auto_mem char *path = path_join(a->setup->dir, NAME_GA_SOCK);
    auto_err struct err *err = NULL;

    if (a->task)
        return;
    if (file_remove(path, &err))
        a->task = ssh_task_forward_socket(&params, path, GUEST_SOCKET, &err);
    if (!a->task)
        log_warn("Cannot forward the socket of the guest agent: %s", err_text(err));
}

void agent_relink_due(void *arg)
{
    struct agent *a = arg;

    if (!is_live(a))
        return;
    log_warn("The link to the guest goes over ssh until the instance is restarted");
    agent_link_by_ssh(a);
}

void agent_time_due(void *arg)
{
    struct agent *a = arg;

    guest_link_send_time(a->link);
    timer_set(a->time_sync, TIME_INTERVAL_MS);
}

void agent_clock_jumped(void *arg)
{
    struct agent *a = arg;

    log_debug("the clock of this host jumped");
    guest_link_send_time(a->link);
}

static void link_renewed(struct agent *a)
{
    log_info("The guest has its link again");
    timer_stop(a->relink);
    mounts_renew(a->mounts);
    agent_close_link(a);
    agent_open_link(a);
}

static void files_renewed(struct agent *a, const char *why_lost)
{
    if (!why_lost)
        log_info("The guest has its devices again");
    mounts_files(a->mounts, why_lost);
    if (why_lost)
        agent_announce_errors(a);
}

void agent_link_event(struct agent *a, const struct driver_event *event)
{
    if (!is_live(a))
        return;
    switch (event->kind) {
    case DRIVER_EVENT_LINK_RENEWED:
        link_renewed(a);
        break;
    case DRIVER_EVENT_LINK_LOST:
        log_warn("The link to the guest goes over ssh until the instance is restarted: %s",
                 event->text);
        files_renewed(a, event->text);
        agent_link_by_ssh(a);
        break;
    default:
        files_renewed(a, event->text);
        break;
    }
}
