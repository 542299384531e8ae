#include "driver/qemu/hot_share.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/path.h"
#include "driver/qemu/disk_list.h"
#include "driver/qemu/files.h"
#include "svc/loop/qmp_client.h"

/* A folder that is to be attached. */
struct question {
    struct list link;
    char *tag, *path;
    bool is_read_only;
    driver_share_fn on_done;
    void *arg;
};

struct hot_shares {
    const char *dir;        /* borrowed */
    struct qmp_client *qmp; /* borrowed; of the question under way, which is the first */
    unsigned port;          /* likewise, once a link is made */
    struct list questions;
};

static void ask_next(struct hot_shares *h);

static struct question *current(struct hot_shares *h)
{
    return CONTAINER_OF(h->questions.next, struct question, link);
}

static void question_free(struct question *q)
{
    list_remove(&q->link);
    free(q->tag);
    free(q->path);
    free(q);
}

/* The callback may ask for another. */
static void finish(struct hot_shares *h, const struct err *err)
{
    struct question *q = current(h);
    driver_share_fn on_done = q->on_done;
    void *arg = q->arg;

    question_free(q);
    ask_next(h);
    on_done(arg, err);
}

static char *link_path(const struct hot_shares *h)
{
    auto_mem char *name = mem_printf(QEMU_SHARE_LINK "%u", h->port);

    return path_join(h->dir, name);
}

/* A device keeps the folder open that the link led to when it was added. */
static void attached(void *arg, json_t *data, const struct err *err)
{
    struct hot_shares *h = arg;
    auto_mem char *path = link_path(h);
    auto_err struct err *known = NULL;

    (void)unlink(path);
    if (err && strstr(err_text(err), "couldn't find fsdev")) {
        (void)err_set(&known, ERR_UNSUPPORTED,
                      "the instance was started without places for folders that come later");
        (void)err_hint(&known, "restart it, with a QEMU that has virtio-9p-pci");
    }
    finish(h, known ? known : err);
}

static bool point_link(const struct hot_shares *h, const char *folder, struct err **errp)
{
    auto_mem char *path = link_path(h);
    auto_mem char *tmp = mem_printf("%s" NAME_TMP_SUFFIX, path);

    (void)unlink(tmp);
    if (symlink(folder, tmp) < 0 || rename(tmp, path) < 0)
        return err_set_os(errp, errno, "cannot make the link %s", path);
    return true;
}

static bool has_device(const json_t *buses, const char *id)
{
    const json_t *bus, *port, *device;
    size_t i, j, k;

    json_array_foreach((json_t *)buses, i, bus)
    {
        json_array_foreach(json_object_get(bus, "devices"), j, port)
        {
            const json_t *inner = json_object_get(json_object_get(port, "pci_bridge"), "devices");

            json_array_foreach((json_t *)inner, k, device)
            {
                if (str_eq(json_string_value(json_object_get(device, "qdev_id")), id))
                    return true;
            }
        }
    }
    return false;
}

static bool choose_port(struct hot_shares *h, const json_t *buses, struct err **errp)
{
    const struct question *q = current(h);

    if (has_device(buses, q->tag)) /* of a host agent before this one */
        return err_set(errp, ERR_EXISTS, "%s is attached already", q->path);
    return qemu_share_free_port(buses, &h->port, errp) && point_link(h, q->path, errp);
}

static void ports_known(void *arg, json_t *data, const struct err *err)
{
    struct hot_shares *h = arg;
    const struct question *q = current(h);
    auto_err struct err *fail = NULL;

    if (err || !choose_port(h, data, &fail)) {
        finish(h, err ? err : fail);
        return;
    }

    auto_mem char *bus = mem_printf(QEMU_SPARE_PORT "%u", h->port);
    auto_mem char *fsdev =
        mem_printf("%s%u", q->is_read_only ? QEMU_SHARE_READ : QEMU_SHARE_WRITE, h->port);

    if (!qmp_client_send(h->qmp, "device_add",
                         json_pack("{s:s, s:s, s:s, s:s, s:s}", "driver", "virtio-9p-pci", "id",
                                   q->tag, "mount_tag", q->tag, "fsdev", fsdev, "bus", bus),
                         attached, h, &fail))
        finish(h, fail);
}

/* A connection that is lost answers the first question, and each that follows in turn. */
static void ask_next(struct hot_shares *h)
{
    auto_err struct err *err = NULL;

    if (!list_is_empty(&h->questions) &&
        !qmp_client_send(h->qmp, "query-pci", NULL, ports_known, h, &err))
        finish(h, err);
}

void hot_shares_attach(struct hot_shares *h, struct qmp_client *qmp,
                       const struct driver_hot_share *share, driver_share_fn on_done, void *arg)
{
    struct question *q = mem_new(struct question);
    bool is_first = list_is_empty(&h->questions);

    q->tag = mem_strdup(share->tag);
    q->path = mem_strdup(share->path);
    q->is_read_only = share->is_read_only;
    q->on_done = on_done;
    q->arg = arg;
    list_push_back(&h->questions, &q->link);
    h->qmp = qmp;
    if (is_first)
        ask_next(h);
}

bool hot_share_detach(struct qmp_client *qmp, const char *tag, struct err **errp)
{
    return qmp_client_send(qmp, "device_del", json_pack("{s:s}", "id", tag), NULL, NULL, errp);
}

struct hot_shares *hot_shares_open(const char *dir)
{
    struct hot_shares *h = mem_new(struct hot_shares);

    h->dir = dir;
    list_init(&h->questions);
    return h;
}

void hot_shares_close(struct hot_shares *h)
{
    if (!h)
        return;
    while (!list_is_empty(&h->questions))
        question_free(current(h));
    free(h);
}
