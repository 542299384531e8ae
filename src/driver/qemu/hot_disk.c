/*
 * Every question begins with what QEMU has (query-block, query-fdsets), so nothing has to be
 * remembered from one host agent to the next. Then:
 *
 *     attach: query-pci, which port is free -> clear its place -> add-fd -> blockdev-add ->
 * device_add detach: device_del -> the event DEVICE_DELETED -> clear the place clear:  blockdev-del
 * -> query-fdsets -> remove-fd
 *
 * A place is cleared before it is used, too: a host agent that was killed half-way may have left a
 * node or a descriptor. A guest that lets a disk go when nobody waits for it any more makes a
 * question of its own, which clears the place.
 */
#include "driver/qemu/hot_disk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "driver/qemu/disk_list.h"
#include "driver/qemu/files.h"
#include "svc/loop/qmp_client.h"
#include "svc/loop/timer.h"

enum { DETACH_MS = 30 * 1000 };

enum question_kind { ATTACH, DETACH, LIST, CLEAR };

struct question {
    struct list link;
    enum question_kind kind;
    char *path;   /* ATTACH, DETACH */
    char *serial; /* ATTACH */
    char *format; /* ATTACH; NULL = a block device */
    int fd;       /* ATTACH; -1 = an image file, or given away */
    char *id;     /* of the device; known from the start for CLEAR */
    driver_done_fn on_done;
    driver_disks_fn on_disks;
    void *arg;
};

struct hot_disks {
    struct qmp_client *qmp; /* borrowed; NULL = not there */
    struct list questions;
    bool is_asking; /* the first question is under way */
    struct timer *deadline;
    uint64_t deadline_ms;

    /* Of the question under way. */
    json_t *blocks; /* reply to query-block */
    struct qemu_attached_list disks;
    unsigned port;
    int64_t set;                         /* that the descriptor went to; -1 = none */
    bool is_leaving;                     /* waits for the guest */
    struct err *failure;                 /* why it is undone */
    void (*cleared)(struct hot_disks *); /* what follows when the place is clear */
};

static void ask_next(struct hot_disks *h);

static struct question *current(struct hot_disks *h)
{
    return CONTAINER_OF(h->questions.next, struct question, link);
}

static void question_free(struct question *q)
{
    list_remove(&q->link);
    free(q->path);
    free(q->serial);
    free(q->format);
    free(q->id);
    if (q->fd >= 0)
        (void)close(q->fd);
    free(q);
}

static void forget_state(struct hot_disks *h)
{
    timer_stop(h->deadline);
    json_decref(MOVE(h->blocks));
    qemu_attached_list_done(&h->disks);
    h->disks = (struct qemu_attached_list){ 0 };
    h->is_leaving = false;
    h->set = -1;
}

static void tell_list(struct hot_disks *h, const struct question *q, const struct err *err)
{
    auto_mem struct driver_disk_state *states = mem_array(h->disks.n, sizeof(*states));

    for (size_t i = 0; i < h->disks.n; i++)
        states[i] = (struct driver_disk_state){
            .path = h->disks.v[i].path,
            .is_block_device = h->disks.v[i].is_block_device,
            .is_hot = qemu_disk_is_hot(h->disks.v[i].id),
        };
    q->on_disks(q->arg, states, err ? 0 : h->disks.n, err);
}

/* Answers the first question. The callback may ask another, it may not close. */
static void answer(struct hot_disks *h, const struct err *err)
{
    struct question *q = current(h);

    list_remove(&q->link);
    list_init(&q->link);
    if (q->kind == LIST)
        tell_list(h, q, err);
    else if (q->on_done)
        q->on_done(q->arg, err);
    question_free(q);
}

static void finish(struct hot_disks *h)
{
    auto_err struct err *err = MOVE(h->failure);

    answer(h, err);
    forget_state(h);
    h->is_asking = false;
    ask_next(h);
}

/* err is borrowed; of several the first counts. */
static void fail(struct hot_disks *h, const struct err *err)
{
    if (h->failure)
        return;
    (void)err_set(&h->failure, err_kind(err), "%s", err_text(err));
    if (err_hint_text(err))
        (void)err_hint(&h->failure, "%s", err_hint_text(err));
}

static void fail_and_finish(struct hot_disks *h, const struct err *err)
{
    fail(h, err);
    finish(h);
}

static void send(struct hot_disks *h, const char *command, json_t *take_args, qmp_reply_fn replied)
{
    auto_err struct err *err = NULL;

    /* A connection that is lost is told of by the next talk(), which answers. */
    if (!qmp_client_send(h->qmp, command, take_args, replied, h, &err))
        log_debug("%s", err_text(err));
}

/* --- Clearing a place --- */

static void set_removed(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    if (err)
        log_debug("%s", err_text(err));
    h->cleared(h);
}

static void clear_sets_known(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;
    int64_t set;

    if (!err && qemu_disk_set(data, current(h)->id, &set))
        send(h, "remove-fd", json_pack("{s:I}", "fdset-id", (json_int_t)set), set_removed);
    else
        h->cleared(h);
}

/* There may have been none: then QEMU complains, and all is well. */
static void node_removed(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    send(h, "query-fdsets", NULL, clear_sets_known);
}

static void clear_place(struct hot_disks *h, void (*cleared)(struct hot_disks *))
{
    h->cleared = cleared;
    send(h, "blockdev-del", json_pack("{s:s}", "node-name", current(h)->id), node_removed);
}

/* --- Attaching --- */

static void undo(struct hot_disks *h, const struct err *err)
{
    fail(h, err);
    clear_place(h, finish);
}

static void device_added(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    if (err)
        undo(h, err);
    else
        finish(h);
}

static void node_added(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;
    const struct question *q = current(h);

    auto_err struct err *known = NULL;

    if (err && strstr(err_text(err), "\" lock")) {
        (void)err_set(&known, ERR_BUSY, "%s is in use by another program, which locks it", q->path);
        (void)err_hint(&known, "if another instance has it, detach it there");
    }
    if (err) {
        undo(h, known ? known : err);
        return;
    }

    auto_mem char *port = mem_printf(QEMU_SPARE_PORT "%u", h->port);

    send(h, "device_add",
         json_pack("{s:s, s:s, s:s, s:s, s:s}", "driver", "virtio-blk-pci", "id", q->id, "drive",
                   q->id, "bus", port, "serial", q->serial),
         device_added);
}

static void add_node(struct hot_disks *h)
{
    const struct question *q = current(h);
    auto_mem char *path =
        h->set >= 0 ? mem_printf("/dev/fdset/%lld", (long long)h->set) : mem_strdup(q->path);

    send(h, "blockdev-add",
         json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "driver", q->format ? q->format : "raw",
                   "node-name", q->id, "discard", "unmap", "file", "driver",
                   q->format ? "file" : "host_device", "filename", path),
         node_added);
}

static void fd_added(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    if (err) {
        undo(h, err);
        return;
    }
    h->set = json_integer_value(json_object_get(data, "fdset-id"));
    add_node(h);
}

static void place_is_free(struct hot_disks *h)
{
    struct question *q = current(h);
    auto_mem char *text = mem_printf("%s:%s", q->id, q->path);
    auto_err struct err *err = NULL;

    if (q->fd < 0)
        add_node(h);
    else if (!qmp_client_send_fd(h->qmp, "add-fd", json_pack("{s:s}", "opaque", text),
                                 MOVE_FD(q->fd), fd_added, h, &err))
        log_debug("%s", err_text(err));
}

static void ports_known(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;
    auto_err struct err *none = NULL;

    if (err || !qemu_disk_free_port(data, &h->disks, &h->port, &none)) {
        fail_and_finish(h, err ? err : none);
        return;
    }
    current(h)->id = mem_printf(QEMU_SPARE_ID "%u", h->port);
    clear_place(h, place_is_free);
}

/* --- Detaching --- */

static void guest_let_go(struct hot_disks *h)
{
    h->is_leaving = false;
    timer_stop(h->deadline);
    clear_place(h, finish);
}

static void deadline_passed(void *arg)
{
    struct hot_disks *h = arg;
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_TIMEOUT, "the guest does not let the disk %s go", current(h)->path);
    (void)err_hint(&err, "unmount it in the guest, then try again");
    fail_and_finish(h, err);
}

/* Was it asked before, by a question that did not get an answer in time? */
static bool is_asked_already(const struct err *err)
{
    return strstr(err_text(err), "in the process of unplug") != NULL;
}

static void removal_asked(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    if (err && h->is_leaving && !is_asked_already(err))
        fail_and_finish(h, err);
}

/* --- All questions --- */

static struct qemu_attached *find_disk(struct hot_disks *h, const char *path)
{
    for (size_t i = 0; i < h->disks.n; i++)
        if (str_eq(h->disks.v[i].path, path))
            return &h->disks.v[i];
    return NULL;
}

static void begin_attach(struct hot_disks *h, const struct question *q)
{
    auto_err struct err *err = NULL;

    if (find_disk(h, q->path)) {
        (void)err_set(&err, ERR_EXISTS, "the instance has the disk %s already", q->path);
        fail_and_finish(h, err);
        return;
    }
    send(h, "query-pci", NULL, ports_known);
}

static void begin_detach(struct hot_disks *h, struct question *q)
{
    const struct qemu_attached *disk = find_disk(h, q->path);
    auto_err struct err *err = NULL;

    if (!disk) {
        (void)err_set(&err, ERR_NOT_FOUND, "the instance does not have the disk %s", q->path);
    } else if (!qemu_disk_is_hot(disk->id)) {
        (void)err_set(&err, ERR_UNSUPPORTED,
                      "the disk %s was there when the instance started, and stays until it stops",
                      q->path);
        (void)err_hint(&err, "stop the instance and remove it from blockDevices with \"limactl "
                             "edit\"");
    }
    if (err) {
        fail_and_finish(h, err);
        return;
    }
    q->id = mem_strdup(disk->id);
    h->is_leaving = true;
    timer_set(h->deadline, h->deadline_ms);
    send(h, "device_del", json_pack("{s:s}", "id", q->id), removal_asked);
}

static void sets_known(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;
    struct question *q = current(h);

    if (err) {
        fail_and_finish(h, err);
        return;
    }
    qemu_disk_list(h->blocks, data, &h->disks);
    if (q->kind == ATTACH)
        begin_attach(h, q);
    else if (q->kind == DETACH)
        begin_detach(h, q);
    else
        finish(h);
}

static void blocks_known(void *arg, json_t *data, const struct err *err)
{
    struct hot_disks *h = arg;

    if (err) {
        fail_and_finish(h, err);
        return;
    }
    h->blocks = json_incref(data);
    send(h, "query-fdsets", NULL, sets_known);
}

static void ask_next(struct hot_disks *h)
{
    if (h->is_asking || !h->qmp || list_is_empty(&h->questions))
        return;
    h->is_asking = true;
    if (current(h)->kind == CLEAR)
        clear_place(h, finish);
    else
        send(h, "query-block", NULL, blocks_known);
}

static void ask(struct hot_disks *h, struct question question)
{
    struct question *q = mem_new(struct question);

    *q = question;
    list_push_back(&h->questions, &q->link);
    ask_next(h);
}

void hot_disks_attach(struct hot_disks *h, const struct driver_hot_disk *disk, const char *format,
                      driver_done_fn on_done, void *arg)
{
    ask(h, (struct question){
               .kind = ATTACH,
               .path = mem_strdup(disk->path),
               .serial = mem_strdup(disk->serial),
               .format = mem_strdup(format),
               .fd = disk->take_fd,
               .on_done = on_done,
               .arg = arg,
           });
}

void hot_disks_detach(struct hot_disks *h, const char *path, driver_done_fn on_done, void *arg)
{
    ask(h,
        (struct question){
            .kind = DETACH, .path = mem_strdup(path), .fd = -1, .on_done = on_done, .arg = arg });
}

void hot_disks_list(struct hot_disks *h, driver_disks_fn on_disks, void *arg)
{
    ask(h, (struct question){ .kind = LIST, .fd = -1, .on_disks = on_disks, .arg = arg });
}

void hot_disks_event(struct hot_disks *h, const char *name, const json_t *data)
{
    const char *id = json_string_value(json_object_get(data, "device"));
    bool is_ours = h->is_leaving && str_eq(id, current(h)->id);

    if (!id || !qemu_disk_is_hot(id))
        return;
    if (str_eq(name, "DEVICE_DELETED")) {
        if (is_ours)
            guest_let_go(h);
        else
            ask(h, (struct question){ .kind = CLEAR, .fd = -1, .id = mem_strdup(id) });
    } else if (str_eq(name, "DEVICE_UNPLUG_GUEST_ERROR") && is_ours) {
        auto_err struct err *err = NULL;

        (void)err_set(&err, ERR_BUSY, "the guest refuses to let the disk %s go", current(h)->path);
        fail_and_finish(h, err);
    }
}

void hot_disks_talk(struct hot_disks *h, struct qmp_client *qmp)
{
    auto_err struct err *err = NULL;

    h->qmp = qmp;
    if (qmp) {
        ask_next(h);
        return;
    }
    (void)err_set(&err, ERR_NOT_FOUND, "the virtual machine has ended");
    while (!list_is_empty(&h->questions))
        answer(h, err);
    forget_state(h);
    err_free(MOVE(h->failure));
    h->is_asking = false;
}

struct hot_disks *hot_disks_open(struct uv_loop_s *loop, uint64_t deadline_ms)
{
    struct hot_disks *h = mem_new(struct hot_disks);

    list_init(&h->questions);
    h->deadline = timer_open(loop, deadline_passed, h);
    h->deadline_ms = deadline_ms ? deadline_ms : DETACH_MS;
    h->set = -1;
    return h;
}

void hot_disks_close(struct hot_disks *h)
{
    if (!h)
        return;
    while (!list_is_empty(&h->questions))
        question_free(current(h));
    forget_state(h);
    err_free(h->failure);
    timer_close(h->deadline);
    free(h);
}
