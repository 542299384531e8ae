#include "driver/driver.h"

#include <assert.h>
#include <unistd.h>

#include "base/enum.h"
#include "base/mem.h"
#include "driver/driver_ops.h"

const char *const driver_state_names[DRIVER_STATE_COUNT] = {
    "idle", "starting", "running", "stopping", "exited",
};

const char *const driver_exit_names[DRIVER_EXIT_COUNT] = {
    "stopped",
    "killed",
    "powered off by the guest",
    "failed",
};

static void driver_ops_assert_whole(const struct driver_ops *ops)
{
    assert(ops->type && ops->start && ops->stop && ops->kill && ops->close && ops->link &&
           ops->pid);
    assert(!(ops->type->caps & DRIVER_CAP_ADOPT) == !ops->adopt);
    assert(!(ops->type->caps & DRIVER_CAP_HOT_DISK) == !ops->attach_disk);
    assert(!(ops->type->caps & DRIVER_CAP_HOT_SHARE) == !ops->attach_share &&
           !ops->attach_share == !ops->detach_share);
    assert(!ops->attach_disk == !ops->detach_disk && !ops->attach_disk == !ops->list_disks);
}

static const struct driver_ops *driver_ops_of(const struct driver_type *type)
{
    for (size_t i = 0; i < n_driver_ops; i++)
        if (driver_ops_list[i]->type == type)
            return driver_ops_list[i];
    assert(!"a driver type without operations");
    return NULL;
}

static bool state_may_follow(enum driver_state from, enum driver_state to)
{
    switch (from) {
    case DRIVER_IDLE:
        return to == DRIVER_STARTING;
    case DRIVER_STARTING:
        return to == DRIVER_IDLE || to == DRIVER_RUNNING || to == DRIVER_STOPPING ||
               to == DRIVER_EXITED;
    case DRIVER_RUNNING:
        return to == DRIVER_STOPPING || to == DRIVER_EXITED;
    case DRIVER_STOPPING:
        return to == DRIVER_STARTING || to == DRIVER_RUNNING || to == DRIVER_EXITED;
    case DRIVER_EXITED:
    case DRIVER_STATE_COUNT:
        break;
    }
    return false;
}

static void driver_set_state(struct driver *d, enum driver_state state)
{
    assert(state_may_follow(d->state, state));
    log_debug("driver %s: %s -> %s", d->ops->type->name, driver_state_names[d->state],
              driver_state_names[state]);
    d->state = state;
}

static void driver_copy_params(struct driver *d, const struct driver_params *params)
{
    struct driver_disk *disks = mem_array(params->n_disks, sizeof(*disks));
    struct driver_block_device *devices = mem_array(params->n_block_devices, sizeof(*devices));

    for (size_t i = 0; i < params->n_disks; i++) {
        disks[i].name = mem_strdup(params->disks[i].name);
        disks[i].path = mem_strdup(params->disks[i].path);
    }
    for (size_t i = 0; i < params->n_block_devices; i++) {
        devices[i].path = mem_strdup(params->block_devices[i].path);
        devices[i].serial = mem_strdup(params->block_devices[i].serial);
        devices[i].fd = params->block_devices[i].fd;
    }
    d->params = *params;
    d->params.disks = disks;
    d->params.block_devices = devices;
    d->params.mac = mem_strdup(params->mac);
}

static void driver_free(struct driver *d)
{
    for (size_t i = 0; i < d->params.n_disks; i++) {
        free((char *)d->params.disks[i].name);
        free((char *)d->params.disks[i].path);
    }
    free((struct driver_disk *)d->params.disks);
    for (size_t i = 0; i < d->params.n_block_devices; i++) {
        free((char *)d->params.block_devices[i].path);
        free((char *)d->params.block_devices[i].serial);
    }
    free((struct driver_block_device *)d->params.block_devices);
    free((char *)d->params.mac);
    free(d->priv);
    free(d);
}

struct driver *driver_open(const struct driver_type *type, const struct driver_params *params,
                           struct err **errp)
{
    struct driver *d = mem_new(struct driver);

    assert(params->loop && params->on_event);
    d->ops = driver_ops_of(type);
    driver_ops_assert_whole(d->ops);
    driver_copy_params(d, params);
    d->priv = mem_alloc(d->ops->priv_size);
    if (d->ops->open && !d->ops->open(d, errp)) {
        err_wrap(errp, "driver %s", type->name);
        driver_free(d);
        return NULL;
    }
    return d;
}

/* Runs an operation that leads to another state, or, on failure, nowhere. */
static bool driver_operate(struct driver *d, enum driver_state to,
                           bool (*operation)(struct driver *d, struct err **errp),
                           struct err **errp)
{
    enum driver_state from = d->state;
    bool ok;

    assert(!d->closing && !d->in_operation);
    driver_set_state(d, to);
    d->in_operation = true;
    ok = operation(d, errp);
    d->in_operation = false;
    if (!ok)
        driver_set_state(d, from);
    return ok;
}

bool driver_start(struct driver *d, struct err **errp)
{
    assert(d->state == DRIVER_IDLE);
    return driver_operate(d, DRIVER_STARTING, d->ops->start, errp);
}

bool driver_adopt(struct driver *d, struct err **errp)
{
    assert(d->state == DRIVER_IDLE);
    if (!(d->ops->type->caps & DRIVER_CAP_ADOPT))
        return err_set(errp, ERR_UNSUPPORTED, "driver %s cannot take over a running machine",
                       d->ops->type->name);
    return driver_operate(d, DRIVER_STARTING, d->ops->adopt, errp);
}

bool driver_stop(struct driver *d, struct err **errp)
{
    assert(d->state != DRIVER_IDLE);
    if (d->state == DRIVER_STOPPING || d->state == DRIVER_EXITED)
        return true;
    return driver_operate(d, DRIVER_STOPPING, d->ops->stop, errp);
}

void driver_kill(struct driver *d)
{
    assert(d->state != DRIVER_IDLE && !d->closing && !d->in_operation);
    if (d->state == DRIVER_EXITED)
        return;
    if (d->state != DRIVER_STOPPING)
        driver_set_state(d, DRIVER_STOPPING);
    d->in_operation = true;
    d->ops->kill(d);
    d->in_operation = false;
}

void driver_close(struct driver *d)
{
    if (!d || d->closing)
        return;
    d->closing = true;
    d->ops->close(d);
}

enum driver_state driver_get_state(const struct driver *d)
{
    return d->state;
}

const struct driver_type *driver_get_type(const struct driver *d)
{
    return d->ops->type;
}

struct driver_link driver_get_link(const struct driver *d)
{
    return d->ops->link(d);
}

pid_t driver_get_pid(const struct driver *d)
{
    return d->ops->pid(d);
}

static bool may_change(const struct driver *d, enum driver_cap cap, const char *what,
                       struct err **errp)
{
    assert(!d->closing);
    if (!(d->ops->type->caps & cap))
        return err_set(errp, ERR_UNSUPPORTED,
                       "driver %s cannot change the %s of a running instance", d->ops->type->name,
                       what);
    return d->state == DRIVER_RUNNING ||
           err_set(errp, ERR_BUSY, "the virtual machine does not run");
}

static bool may_change_disks(const struct driver *d, struct err **errp)
{
    return may_change(d, DRIVER_CAP_HOT_DISK, "disks", errp);
}

static bool may_change_shares(const struct driver *d, struct err **errp)
{
    return may_change(d, DRIVER_CAP_HOT_SHARE, "9p mounts", errp);
}

bool driver_attach_disk(struct driver *d, const struct driver_hot_disk *disk,
                        driver_done_fn on_done, void *arg, struct err **errp)
{
    auto_fd int fd = disk->take_fd;
    struct driver_hot_disk taken = *disk;

    if (!may_change_disks(d, errp))
        return false;
    taken.take_fd = MOVE_FD(fd);
    return d->ops->attach_disk(d, &taken, on_done, arg, errp);
}

bool driver_detach_disk(struct driver *d, const char *path, driver_done_fn on_done, void *arg,
                        struct err **errp)
{
    return may_change_disks(d, errp) && d->ops->detach_disk(d, path, on_done, arg, errp);
}

bool driver_list_disks(struct driver *d, driver_disks_fn on_disks, void *arg, struct err **errp)
{
    return may_change_disks(d, errp) && d->ops->list_disks(d, on_disks, arg, errp);
}

bool driver_attach_share(struct driver *d, const struct driver_hot_share *share,
                         driver_share_fn on_done, void *arg, struct err **errp)
{
    return may_change_shares(d, errp) && d->ops->attach_share(d, share, on_done, arg, errp);
}

bool driver_detach_share(struct driver *d, const char *tag, struct err **errp)
{
    return may_change_shares(d, errp) && d->ops->detach_share(d, tag, errp);
}

static void driver_emit(struct driver *d, const struct driver_event *event)
{
    assert(!d->in_operation);
    d->params.on_event(d->params.arg, event);
}

void driver_report_started(struct driver *d)
{
    if (d->closing || d->state != DRIVER_STARTING)
        return; /* stopped meanwhile */
    driver_set_state(d, DRIVER_RUNNING);
    driver_emit(d, &(struct driver_event){ .kind = DRIVER_EVENT_STARTED });
}

void driver_report_paused(struct driver *d, const char *why)
{
    if (!d->closing && d->state == DRIVER_RUNNING)
        driver_emit(d, &(struct driver_event){ .kind = DRIVER_EVENT_PAUSED, .text = why });
}

void driver_report_resumed(struct driver *d)
{
    if (!d->closing && d->state == DRIVER_RUNNING)
        driver_emit(d, &(struct driver_event){ .kind = DRIVER_EVENT_RESUMED });
}

static void report_served(struct driver *d, enum driver_event_kind kind, const char *text)
{
    if (!d->closing && d->state == DRIVER_RUNNING)
        driver_emit(d, &(struct driver_event){ .kind = kind, .text = text });
}

void driver_report_link(struct driver *d, const char *why_lost)
{
    report_served(d, why_lost ? DRIVER_EVENT_LINK_LOST : DRIVER_EVENT_LINK_RENEWED, why_lost);
}

void driver_report_files(struct driver *d, const char *why_lost)
{
    report_served(d, why_lost ? DRIVER_EVENT_FILES_LOST : DRIVER_EVENT_FILES_RENEWED, why_lost);
}

void driver_report_exited(struct driver *d, enum driver_exit exit, struct err *take_err)
{
    auto_err struct err *err = take_err;

    assert(!err == (exit != DRIVER_EXIT_FAILED));
    if (d->closing || d->state == DRIVER_EXITED)
        return;
    driver_set_state(d, DRIVER_EXITED);
    driver_emit(d, &(struct driver_event){ .kind = DRIVER_EVENT_EXITED, .exit = exit, .err = err });
}

void driver_report_closed(struct driver *d)
{
    assert(d->closing);
    driver_free(d);
}

uint64_t driver_stop_deadline_ms(const struct driver *d, uint64_t preset)
{
    return d->params.stop_deadline_ms ? d->params.stop_deadline_ms : preset;
}
