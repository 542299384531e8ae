#include "driver/qemu/replug.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/sv.h"
#include "svc/loop/qmp_client.h"
#include "svc/loop/timer.h"

/* A guest under emulation and load takes a second or two. */
enum { DEVICE_MS = 10000 };

struct replug {
    struct qmp_client *qmp; /* borrowed */
    struct timer *deadline; /* of the guest, to let go of the current device */
    int fds[QEMU_SERVED_COUNT];
    size_t at;
    bool is_unplugging; /* waits for the event */
    bool is_plugged[QEMU_SERVED_COUNT];
    struct err *err;
    replug_done_fn on_done;
    void *arg;
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

static void give_up(struct replug *r, const struct err *why)
{
    log_debug("%s is not plugged in again: %s", current(r)->id, err_text(why));
    if (!r->err)
        (void)err_set(&r->err, err_kind(why), "%s", err_text(why));
    next_device(r);
}

static void ask(struct replug *r, const char *command, json_t *take_args, qmp_reply_fn replied)
{
    auto_err struct err *err = NULL;

    if (!qmp_client_send(r->qmp, command, take_args, replied, r, &err))
        give_up(r, err);
}

static void added(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;

    if (err) {
        give_up(r, err);
        return;
    }
    r->is_plugged[r->at] = true;
    next_device(r);
}

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
    if (!qmp_client_send_fd(r->qmp, "getfd", json_pack("{s:s}", "fdname", current(r)->chardev),
                            MOVE_FD(r->fds[r->at]), passed, r, &fail))
        give_up(r, fail);
}

static void is_gone(struct replug *r)
{
    timer_stop(r->deadline);
    r->is_unplugging = false;
    ask(r, "chardev-remove", json_pack("{s:s}", "id", current(r)->chardev), removed);
}

void replug_event(struct replug *r, const char *name, const json_t *data)
{
    const char *id = json_string_value(json_object_get(data, "device"));

    if (r->is_unplugging && str_eq(name, "DEVICE_DELETED") && str_eq(id, current(r)->id))
        is_gone(r);
}

static void deletion_begun(void *arg, json_t *data, const struct err *err)
{
    struct replug *r = arg;

    if (!r->is_unplugging)
        return; /* the event was faster */
    if (err)    /* there is no such device: an earlier attempt has come this far */
        is_gone(r);
    else
        timer_set(r->deadline, DEVICE_MS);
}

static void finish(struct replug *r)
{
    r->on_done(r->arg, r->is_plugged, r->err);
}

/* The guest gets its devices one after the other: one that it holds on to does not keep it from
 * letting go of those before. */
static void begin_device(struct replug *r)
{
    while (r->at < QEMU_SERVED_COUNT && r->fds[r->at] < 0)
        r->at++;
    if (r->at == QEMU_SERVED_COUNT) {
        finish(r);
        return;
    }
    r->is_unplugging = true;
    ask(r, "device_del", json_pack("{s:s}", "id", current(r)->id), deletion_begun);
}

static void deadline_passed(void *arg)
{
    struct replug *r = arg;
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_TIMEOUT, "the guest does not let go of the device %s", current(r)->id);
    r->is_unplugging = false;
    give_up(r, err);
}

struct replug *replug_open(struct uv_loop_s *loop, struct qmp_client *qmp,
                           const int take_fds[QEMU_SERVED_COUNT], replug_done_fn on_done, void *arg)
{
    struct replug *r = mem_new(struct replug);

    r->qmp = qmp;
    r->deadline = timer_open(loop, deadline_passed, r);
    for (size_t i = 0; i < QEMU_SERVED_COUNT; i++)
        r->fds[i] = take_fds[i];
    r->on_done = on_done;
    r->arg = arg;
    begin_device(r);
    return r;
}

void replug_close(struct replug *r)
{
    if (!r)
        return;
    timer_close(r->deadline);
    for (size_t i = 0; i < QEMU_SERVED_COUNT; i++)
        if (r->fds[i] >= 0)
            (void)close(r->fds[i]);
    err_free(r->err);
    free(r);
}
