/*
 * A QEMU on the loop.
 *
 * Three things end independently: the process, its QMP connection, and the device process. The
 * machine has exited when all three are gone; only then is it known why (QMP tells the guest's
 * part, the process its status), and only then may the next one bind the same sockets.
 *
 * The QMP connection is made at the start and kept: it brings the guest's power-off, pauses and
 * errors as events. An adopted QEMU is reached through the same socket.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "driver/driver_ops.h"
#include "driver/machine_process.h"
#include "driver/qemu/files.h"
#include "driver/qemu/hot_disk.h"
#include "driver/qemu/hot_share.h"
#include "driver/qemu/launch.h"
#include "driver/qemu/prepare.h"
#include "driver/qemu/qemu_priv.h"
#include "driver/qemu/replug.h"
#include "svc/loop/qmp_client.h"
#include "svc/loop/timer.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/pidfile.h"
#include "sys/sig.h"

enum {
    HANDSHAKE_MS = 60000,
    STOP_DEADLINE_MS = 3 * 60 * 1000,
    /* A guest that is still booting misses the first press of the power button. */
    PRESS_AGAIN_MS = 5000,
    /* The device process ends by itself when QEMU has. */
    DEVICES_END_MS = 3000,
    /* Of the device process, at once and then one a minute: a guest may be what makes it die. */
    RENEWALS_MAX = 40,
    /* When QEMU ends, its connections are seen to end a moment earlier. */
    DOUBT_MS = 1000,
    DEVICES_DOUBT_MS = 200, /* until then a guest's requests for files may get stuck */
};
#define RENEWAL_NS (60ULL * 1000 * 1000 * 1000)

static char *qemu_path(const struct qemu *q, const char *name)
{
    return path_join(q->d->params.inst.dir, name);
}

static void qemu_kill(struct qemu *q)
{
    if (q->process)
        machine_process_signal(q->process, SIGKILL);
}

/* Why QEMU ended though nobody here wanted it. */
static struct err *qemu_failure(struct qemu *q)
{
    auto_mem char *words = qemu_last_words(q->d->params.inst.dir);
    auto_mem char *what = NULL;
    struct err *err = NULL;

    if (q->failure)
        return MOVE(q->failure);
    if (q->panicked)
        what = mem_strdup("ended because the guest's kernel panicked");
    else if (q->status > 128)
        what = mem_printf("was killed by %s", sig_name(q->status - 128));
    else if (q->status > 0)
        what = mem_printf("ended with exit status %d", q->status);
    else if (q->shutdown_reason)
        what = mem_printf("ended (%s)", q->shutdown_reason);
    else if (!q->was_ready)
        what = mem_strdup("ended before the guest was started");
    else
        what = mem_strdup("was ended by somebody else");
    (void)err_set(&err, ERR_CHILD, "QEMU %s%s%s", what, *words ? ": " : "", words);
    return err;
}

static enum driver_exit qemu_exit_kind(const struct qemu *q)
{
    bool powered_off = q->was_ready && q->status <= 0 &&
                       (str_eq(q->shutdown_reason, "guest-shutdown") ||
                        (q->stop_wanted && str_eq(q->shutdown_reason, "guest-reset")));

    if (q->failure)
        return DRIVER_EXIT_FAILED;
    if (q->kill_wanted)
        return DRIVER_EXIT_KILLED;
    if (q->stop_wanted && (powered_off || q->status == 0))
        return DRIVER_EXIT_STOPPED;
    return powered_off ? DRIVER_EXIT_GUEST : DRIVER_EXIT_FAILED;
}

/* The last thing done in every callback that calls it: the driver may be gone afterwards. */
static void qemu_check_end(struct qemu *q)
{
    enum driver_exit kind;

    if (!q->ended || q->qmp || q->devices)
        return;
    timer_stop(q->deadline);
    timer_stop(q->press_again);
    kind = qemu_exit_kind(q);

    struct err *err = kind == DRIVER_EXIT_FAILED ? qemu_failure(q) : NULL;

    qemu_remove_traces(q->d->params.inst.dir);
    driver_report_exited(q->d, kind, err);
}

static void qemu_process_ended(void *arg, int status)
{
    struct qemu *q = arg;

    log_debug("QEMU ended with status %d", status);
    machine_process_close(q->process);
    q->process = NULL;
    q->ended = true;
    q->status = status;
    timer_stop(q->doubt);
    timer_stop(q->press_again);
    timer_set(q->deadline, DEVICES_END_MS);
    qemu_check_end(q);
}

static void qemu_devices_ended(void *arg, int status)
{
    struct qemu *q = arg;

    log_debug("the device process ended with status %d", status);
    machine_process_close(q->devices);
    q->devices = NULL;
    if (!q->ended) /* when QEMU has ended it ends by itself, and not by a signal */
        timer_set(q->doubt, status > 128 ? 0 : DEVICES_DOUBT_MS);
    qemu_check_end(q);
}

/* --- A device process that died --- */

static void qemu_device_replugged(void *arg, enum qemu_served device, const struct err *err)
{
    struct qemu *q = arg;
    const char *why_lost = err ? err_text(err) : NULL;

    if (!q->devices || q->stop_wanted || q->kill_wanted)
        return;
    if (device == QEMU_SERVED_STREAMS)
        driver_report_link(q->d, why_lost);
    else
        driver_report_files(q->d, why_lost);
}

static void qemu_replugged(void *arg)
{
    struct qemu *q = arg;

    q->is_replugging = false;
    if (!q->devices) /* it died again */
        timer_set(q->doubt, 0);
}

static const struct replug_events replug_events = { qemu_device_replugged, qemu_replugged };

static bool qemu_start_devices(struct qemu *q, int out_fds[QEMU_SERVED_COUNT], struct err **errp)
{
    struct proc proc = PROC_NONE;

    if (!budget_take(&q->renewals, host_monotonic_ns()))
        return err_set(errp, ERR_BUSY, "the device process dies again and again");
    if (!qemu_launch_devices(q->d->params.inst.dir, q->plan.host.features.fs, &proc, out_fds, errp))
        return false;
    q->devices = machine_process_watch(q->d->params.loop, proc, qemu_devices_ended, q, errp);
    return q->devices != NULL;
}

static void qemu_renew_devices(struct qemu *q)
{
    struct replug_params params = {
        .loop = q->d->params.loop,
        .qmp = q->qmp,
        .control_path = q->link_path,
        .take_fds = { -1, -1 },
        .events = &replug_events,
        .arg = q,
    };
    auto_err struct err *err = NULL;

    driver_note(&q->d->params.inst, LOG_WARN,
                "The device process is gone, the guest gets its devices anew");
    if (qemu_start_devices(q, params.take_fds, &err)) {
        replug_close(q->replug);
        q->is_replugging = true;
        q->replug = replug_open(&params);
        return;
    }
    for (size_t i = 0; i < COUNT(params.take_fds); i++)
        if (params.take_fds[i] >= 0)
            (void)close(params.take_fds[i]);
    driver_report_link(q->d, err_text(err));
}

/* A guest may eject a device that was plugged in a moment before: a request to let go of the one
 * before can reach it twice. What is behind the device is made anew, and the device with it. */
static void qemu_device_deleted(struct qemu *q, const char *id)
{
    if (!id || (q->replug && replug_device_deleted(q->replug, id)) || !q->devices)
        return;
    for (size_t i = 0; i < QEMU_SERVED_COUNT; i++)
        if (str_eq(id, qemu_served_devices[i].id))
            machine_process_signal(q->devices, SIGKILL);
}

/* QEMU lives on, but one of its connections is gone. */
static void qemu_doubt_confirmed(void *arg)
{
    struct qemu *q = arg;

    if (!q->qmp && (q->stop_wanted || !q->was_ready)) {
        /* Without control nothing can be stopped gently, nor be seen to start. */
        qemu_kill(q);
    } else if (q->link == DRIVER_LINK_DEVICES && !q->devices && q->qmp && !q->stop_wanted &&
               !q->is_replugging) {
        qemu_renew_devices(q);
    }
}

static void qemu_deadline_passed(void *arg)
{
    struct qemu *q = arg;

    if (q->ended) {
        if (q->devices)
            machine_process_signal(q->devices, SIGKILL);
        return;
    }
    driver_note(&q->d->params.inst, LOG_WARN, "The guest did not power off in time, killing it");
    q->kill_wanted = true;
    qemu_kill(q);
}

static void qemu_press_power_button(void *arg)
{
    struct qemu *q = arg;

    if (q->pause_reason)
        (void)qmp_client_send(q->qmp, "cont", NULL, NULL, NULL, NULL);
    (void)qmp_client_send(q->qmp, "system_powerdown", NULL, NULL, NULL, NULL);
    timer_set(q->press_again, PRESS_AGAIN_MS);
}

/* A guest that cannot power off, because a device of it is lost, resets itself when it has written
 * everything; and one that restarts just now is stopped all the same. QEMU 6 and later. */
static void qemu_take_reset_for_the_end(struct qemu *q)
{
    (void)qmp_client_send(q->qmp, "set-action", json_pack("{s:s}", "reboot", "shutdown"), NULL,
                          NULL, NULL);
}

static void qemu_status_replied(void *arg, json_t *data, const struct err *err)
{
    struct qemu *q = arg;
    const char *status = json_string_value(json_object_get(data, "status"));

    if (!status || str_eq(status, "running"))
        return;
    mem_replace(&q->pause_reason, mem_strdup(status));
    driver_report_paused(q->d, q->pause_reason);
}

static void qemu_qmp_ready(void *arg, const struct semver *version)
{
    struct qemu *q = arg;

    q->was_ready = true;
    hot_disks_talk(q->disks, q->qmp);
    if (q->adopted)
        (void)qmp_client_send(q->qmp, "query-status", NULL, qemu_status_replied, q, NULL);
    if (!q->devices)
        timer_set(q->doubt, DOUBT_MS);
    driver_report_started(q->d);
}

static void qemu_qmp_lost(void *arg, const struct err *err)
{
    struct qemu *q = arg;

    log_debug("%s", err_text(err));
    qmp_client_close(q->qmp);
    q->qmp = NULL;
    hot_disks_talk(q->disks, NULL);
    timer_stop(q->press_again);
    if (q->process && err_kind(err) != ERR_NOT_FOUND && !q->was_ready)
        (void)err_set(&q->failure, err_kind(err), "%s", err_text(err));
    if (q->process)
        timer_set(q->doubt, DOUBT_MS);
    qemu_check_end(q);
}

static void qemu_io_failed(struct qemu *q, const json_t *data)
{
    const char *what = json_is_true(json_object_get(data, "nospace"))
                           ? "no space is left on the host for the guest's disk"
                           : "input/output error on the guest's disk";

    mem_replace(&q->pause_reason, mem_strdup(what));
}

static void qemu_stopped(struct qemu *q)
{
    if (q->shutdown_reason)
        return; /* part of powering off */
    if (!q->pause_reason)
        q->pause_reason = mem_strdup("paused");
    driver_report_paused(q->d, q->pause_reason);
}

static void qemu_qmp_event(void *arg, const char *name, json_t *data)
{
    struct qemu *q = arg;
    const char *reason = json_string_value(json_object_get(data, "reason"));

    log_debug("QMP event %s", name);
    hot_disks_event(q->disks, name, data);
    if (str_eq(name, "DEVICE_DELETED")) {
        qemu_device_deleted(q, json_string_value(json_object_get(data, "device")));
    } else if (str_eq(name, "SHUTDOWN")) {
        mem_replace(&q->shutdown_reason, mem_strdup(reason ? reason : "unknown"));
    } else if (str_eq(name, "GUEST_PANICKED")) {
        q->panicked = true;
    } else if (str_eq(name, "BLOCK_IO_ERROR")) {
        if (str_eq(json_string_value(json_object_get(data, "action")), "stop"))
            qemu_io_failed(q, data);
    } else if (str_eq(name, "STOP")) {
        qemu_stopped(q);
    } else if (str_eq(name, "RESUME")) {
        mem_replace(&q->pause_reason, NULL);
        driver_report_resumed(q->d);
    }
}

static bool qemu_talk(struct qemu *q, int take_fd, struct err **errp)
{
    q->qmp = qmp_client_open(
        &(struct qmp_client_params){
            .loop = q->d->params.loop,
            .handshake_ms = HANDSHAKE_MS,
            .on_ready = qemu_qmp_ready,
            .on_event = qemu_qmp_event,
            .on_lost = qemu_qmp_lost,
            .arg = q,
        },
        take_fd, errp);
    return q->qmp != NULL;
}

static void qemu_let_go(struct qemu *q)
{
    qmp_client_close(q->qmp);
    replug_close(MOVE(q->replug));
    machine_process_close(q->process);
    machine_process_close(q->devices);
    q->qmp = NULL;
    q->process = q->devices = NULL;
}

/* Where the agent of a machine that runs already is reached is seen from the socket that it has. */
static void qemu_choose_link(struct qemu *q)
{
    auto_mem char *pid_path = qemu_path(q, QEMU_PID_NAME);
    auto_mem char *devices_path = qemu_path(q, NAME_DEVICES_SOCK);
    auto_mem char *agent_path = qemu_path(q, NAME_GA_SOCK);

    q->link = q->plan.link;
    if (q->link != DRIVER_LINK_NONE && pidfile_probe(pid_path, NULL) == PIDFILE_LIVE)
        q->link = file_exists(devices_path) ? DRIVER_LINK_DEVICES : DRIVER_LINK_SERIAL;
    q->plan.link = q->link;
    if (q->link == DRIVER_LINK_DEVICES)
        q->link_path = MOVE(devices_path);
    else if (q->link == DRIVER_LINK_SERIAL)
        q->link_path = MOVE(agent_path);
}

static bool qemu_open(struct driver *d, struct err **errp)
{
    struct qemu *q = qemu_of(d);

    q->d = d;
    q->renewals = (struct budget){ .max = RENEWALS_MAX, .interval_ns = RENEWAL_NS };
    if (!qemu_plan_make(&d->params.inst, &q->plan, errp))
        return false;
    qemu_choose_link(q);
    q->deadline = timer_open(d->params.loop, qemu_deadline_passed, q);
    q->press_again = timer_open(d->params.loop, qemu_press_power_button, q);
    q->doubt = timer_open(d->params.loop, qemu_doubt_confirmed, q);
    q->disks = hot_disks_open(d->params.loop, d->params.detach_deadline_ms);
    q->shares = hot_shares_open(d->params.inst.dir);
    return true;
}

/* Everything is taken whatever happens: what cannot be watched has been killed. */
static bool qemu_watch(struct qemu *q, struct qemu_launched take, struct err **errp)
{
    struct uv_loop_s *loop = q->d->params.loop;
    bool has_devices = take.devices.pid > 0;
    bool ok = qemu_talk(q, take.qmp_fd, errp);

    q->process = machine_process_watch(loop, take.qemu, qemu_process_ended, q, ok ? errp : NULL);
    ok = ok && q->process;
    if (has_devices)
        q->devices =
            machine_process_watch(loop, take.devices, qemu_devices_ended, q, ok ? errp : NULL);
    return ok && (q->devices || !has_devices);
}

static bool qemu_start(struct driver *d, struct err **errp)
{
    struct qemu *q = qemu_of(d);
    auto_mem char *pid_path = qemu_path(q, QEMU_PID_NAME);
    auto_qemu_machine struct qemu_machine m = { 0 };
    struct qemu_launched launched;
    pid_t pid;

    if (pidfile_probe(pid_path, &pid) == PIDFILE_LIVE) {
        (void)err_set(errp, ERR_BUSY, "instance \"%s\" has a running QEMU already (process %d)",
                      d->params.inst.name, (int)pid);
        return err_hint(errp, "limactl stop --force %s", d->params.inst.name);
    }
    if (!qemu_prepare_machine(&d->params, &q->plan, &m, errp) || !qemu_launch(&m, &launched, errp))
        return false;
    if (qemu_watch(q, launched, errp))
        return true;
    qemu_kill(q);
    qemu_let_go(q);
    qemu_remove_traces(d->params.inst.dir);
    return false;
}

static bool qemu_adopt(struct driver *d, struct err **errp)
{
    struct qemu *q = qemu_of(d);
    auto_mem char *pid_path = qemu_path(q, QEMU_PID_NAME);
    auto_mem char *devices_pid_path = qemu_path(q, NAME_DEVICES_PID);
    int qmp_fd;

    q->process = machine_process_find(d->params.loop, pid_path, qemu_process_ended, q, errp);
    if (!q->process)
        return false;
    q->devices =
        machine_process_find(d->params.loop, devices_pid_path, qemu_devices_ended, q, NULL);
    q->adopted = true;
    if (qemu_connect_qmp(d->params.inst.dir, &qmp_fd, errp) && qemu_talk(q, qmp_fd, errp))
        return true;
    qemu_let_go(q);
    (void)err_wrap(errp, "taking over the running QEMU");
    return err_hint(errp, "limactl stop --force %s", d->params.inst.name);
}

static bool qemu_stop(struct driver *d, struct err **errp)
{
    struct qemu *q = qemu_of(d);

    q->stop_wanted = true;
    timer_set(q->deadline,
              q->ended ? DEVICES_END_MS : driver_stop_deadline_ms(d, STOP_DEADLINE_MS));
    if (q->qmp) {
        qemu_take_reset_for_the_end(q);
        qemu_press_power_button(q);
    } else {
        q->kill_wanted = true;
        qemu_kill(q);
    }
    return true;
}

static void qemu_ops_kill(struct driver *d)
{
    struct qemu *q = qemu_of(d);

    q->kill_wanted = true;
    qemu_kill(q);
}

static void qemu_close(struct driver *d)
{
    struct qemu *q = qemu_of(d);

    hot_disks_close(q->disks);
    qemu_let_go(q);
    hot_shares_close(q->shares);
    timer_close(q->deadline);
    timer_close(q->press_again);
    timer_close(q->doubt);
    qemu_plan_done(&q->plan);
    free(q->link_path);
    free(q->shutdown_reason);
    free(q->pause_reason);
    err_free(q->failure);
    driver_report_closed(d);
}

static struct driver_link qemu_link(const struct driver *d)
{
    const struct qemu *q = qemu_of(d);

    return (struct driver_link){ .kind = q->link, .path = q->link_path };
}

static pid_t qemu_pid(const struct driver *d)
{
    const struct qemu *q = qemu_of(d);

    return q->process ? machine_process_pid(q->process) : 0;
}

extern const struct driver_type qemu_driver_type;

const struct driver_ops qemu_driver_ops = {
    .type = &qemu_driver_type,
    .priv_size = sizeof(struct qemu),
    .open = qemu_open,
    .start = qemu_start,
    .adopt = qemu_adopt,
    .stop = qemu_stop,
    .kill = qemu_ops_kill,
    .close = qemu_close,
    .attach_disk = qemu_attach_disk,
    .detach_disk = qemu_detach_disk,
    .list_disks = qemu_list_disks,
    .attach_share = qemu_attach_share,
    .detach_share = qemu_detach_share,
    .link = qemu_link,
    .pid = qemu_pid,
};
