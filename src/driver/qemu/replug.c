#include "driver/qemu/replug.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/sv.h"
#include "svc/devices/devices_client.h"
#include "svc/loop/qmp_client.h"
#include "svc/loop/timer.h"

/* A guest under emulation and load takes a second or two. */
enum { DEVICE_MS = 10000 };

enum replug_step {
    REPLUG_ASKING,     /* QEMU */
    REPLUG_UNPLUGGING, /* the guest lets go */
    REPLUG_SETTLING,   /* the guest takes it in */
};

struct replug {
    struct replug_params params;
    struct timer *deadline; /* of what the guest has to do */
    size_t at;
    enum replug_step step;
    struct devices_client *devices; /* SETTLING: tells of the guest's driver */
};

static void begin_device(struct replug *r);

static const struct qemu_served_device *current(const struct replug *r)
{
    return &qemu_served_devices[r->at];
}

static void next_device(struct replug *r)
{
    r->at++;
    begin_device(r);
}

/* The callback may not close, as it may run inside replug_open(). */
static void tell(struct replug *r, const struct err *err)
{
    r->params.events->on_device(r->params.arg, (enum qemu_served)r->at, err);
}

static void give_up(struct replug *r, const struct err *why)
{
    log_debug("%s is not plugged in again: %s", current(r)->id, err_text(why));
    r->step = REPLUG_ASKING;
    tell(r, why);
    next_device(r);
}

static void ask(struct replug *r, const char *command, json_t *take_args, qmp_reply_fn replied)
{
    auto_err struct err *err = NULL;

    if (!qmp_client_send(r->params.qmp, command, take_args, replied, r, &err))
        give_up(r, err);
}

/* ---- the guest takes a device in ---- */

static void settled(struct replug *r)
{
    r->step = REPLUG_ASKING;
    timer_stop(r->deadline);
    devices_client_close(MOVE(r->devices));
    next_device(r);
}

static void driver_ready(void *arg, bool resumed)
{
    settled(arg);
}

/* The process has died again, which its owner sees. */
static void devices_gone(void *arg, const struct err *err)
{
    settled(arg);
}

static const struct devices_client_events devices_events = {
    .on_up = driver_ready,
    .on_closed = devices_gone,
};

static void added(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;

    if (err) {
        give_up(r, err);
        return;
    }
    tell(r, NULL);
    if (r->at == QEMU_SERVED_STREAMS)
        r->devices =
            devices_client_open(r->params.loop, r->params.control_path, &devices_events, r, NULL);
    if (!r->devices) {
        next_device(r);
        return;
    }
    r->step = REPLUG_SETTLING;
    timer_set(r->deadline, DEVICE_MS);
}

/* ---- plugging it in ---- */

/* "driver,key=value,..." as the arguments of device_add. */
static json_t *arguments_of(const char *options)
{
    struct sv rest = sv_of(options), item, key;
    json_t *args = json_object();

    (void)sv_next(&rest, ',', &item);
    (void)json_object_set_new(args, "driver", json_stringn(item.p, item.n));
    while (sv_next(&rest, ',', &item)) {
        uint64_t number;
        json_t *value;

        (void)sv_next(&item, '=', &key);
        value = parse_u64(item, &number) ? json_integer((json_int_t)number)
                                         : json_stringn(item.p, item.n);
        (void)json_object_setn_new(args, key.p, key.n, value);
    }
    return args;
}

static void connected(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;

    if (err)
        give_up(r, err);
    else
        ask(r, "device_add", arguments_of(current(r)->options), added);
}

static void passed(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;
    const char *id = current(r)->chardev;

    if (err)
        give_up(r, err);
    else
        ask(r, "chardev-add",
            json_pack("{s:s, s:{s:s, s:{s:{s:s, s:{s:s}}, s:b}}}", "id", id, "backend", "type",
                      "socket", "data", "addr", "type", "fd", "data", "str", id, "server", 0),
            connected);
}

static void removed(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;
    auto_err struct err *fail = NULL;

    if (err) /* an earlier attempt has come this far */
        log_debug("chardev-remove: %s", err_text(err));
    if (!qmp_client_send_fd(r->params.qmp, "getfd",
                            json_pack("{s:s}", "fdname", current(r)->chardev),
                            MOVE_FD(r->params.take_fds[r->at]), passed, r, &fail))
        give_up(r, fail);
}

/* ---- unplugging it ---- */

static void is_gone(struct replug *r)
{
    timer_stop(r->deadline);
    r->step = REPLUG_ASKING;
    ask(r, "chardev-remove", json_pack("{s:s}", "id", current(r)->chardev), removed);
}

bool replug_device_deleted(struct replug *r, const char *id)
{
    if (r->step != REPLUG_UNPLUGGING || !str_eq(id, current(r)->id))
        return false;
    is_gone(r);
    return true;
}

static void deletion_begun(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;

    if (r->step != REPLUG_UNPLUGGING)
        return; /* the event was faster */
    if (err)    /* there is no such device: an earlier attempt has come this far */
        is_gone(r);
    else
        timer_set(r->deadline, DEVICE_MS);
}

static void begin_device(struct replug *r)
{
    while (r->at < QEMU_SERVED_COUNT && r->params.take_fds[r->at] < 0)
        r->at++;
    if (r->at == QEMU_SERVED_COUNT) {
        r->params.events->on_done(r->params.arg);
        return;
    }
    r->step = REPLUG_UNPLUGGING;
    ask(r, "device_del", json_pack("{s:s}", "id", current(r)->id), deletion_begun);
}

static void deadline_passed(void *arg)
{
    struct replug *r = arg;
    auto_err struct err *err = NULL;

    if (r->step == REPLUG_SETTLING) {
        settled(r);
        return;
    }
    (void)err_set(&err, ERR_TIMEOUT, "the guest does not let go of the device %s", current(r)->id);
    give_up(r, err);
}

struct replug *replug_open(const struct replug_params *params)
{
    struct replug *r = mem_new(struct replug);

    r->params = *params;
    r->deadline = timer_open(params->loop, deadline_passed, r);
    begin_device(r);
    return r;
}

void replug_close(struct replug *r)
{
    if (!r)
        return;
    timer_close(r->deadline);
    devices_client_close(r->devices);
    for (size_t i = 0; i < QEMU_SERVED_COUNT; i++)
        if (r->params.take_fds[i] >= 0)
            (void)close(r->params.take_fds[i]);
    free(r);
}
