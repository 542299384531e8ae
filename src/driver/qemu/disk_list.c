#include "driver/qemu/disk_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/sv.h"
#include "base/vec.h"
#include "driver/qemu/files.h"

#define QOM_PREFIX "/machine/peripheral/"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* PREFIX and a number. */
static bool parse_name(struct sv name, const char *prefix, unsigned *out)
{
    uint32_t number;

    if (!sv_starts(name, sv_of(prefix)) ||
        !parse_u32(sv_slice(name, strlen(prefix), name.n), &number))
        return false;
    *out = number;
    return true;
}

bool qemu_disk_is_hot(const char *id)
{
    unsigned port;

    return parse_name(sv_of(id), QEMU_SPARE_ID, &port);
}

/* The id in "/machine/peripheral/ID/virtio-backend", when it is one of ours. */
static bool parse_qdev(const char *qdev, struct sv *out_id)
{
    struct sv rest = sv_of(qdev);
    unsigned number;

    if (!sv_starts(rest, SV(QOM_PREFIX)))
        return false;
    rest = sv_slice(rest, strlen(QOM_PREFIX), rest.n);
    return sv_next(&rest, '/', out_id) && (parse_name(*out_id, QEMU_SPARE_ID, &number) ||
                                           parse_name(*out_id, QEMU_BLOCK_ID, &number));
}

/* The path in the text of a set, "ID:PATH". */
static const char *path_in(const json_t *set, const char *id)
{
    const char *text = text_of(json_array_get(json_object_get(set, "fds"), 0), "opaque");
    size_t n = strlen(id);

    return str_starts(text, id) && text[n] == ':' ? text + n + 1 : NULL;
}

static const json_t *find_set(const json_t *sets, const char *id)
{
    const json_t *set;
    size_t i;

    json_array_foreach((json_t *)sets, i, set)
    {
        if (path_in(set, id))
            return set;
    }
    return NULL;
}

bool qemu_disk_set(const json_t *sets, const char *id, int64_t *out_set)
{
    const json_t *number = json_object_get(find_set(sets, id), "fdset-id");

    if (!json_is_integer(number))
        return false;
    *out_set = json_integer_value(number);
    return true;
}

void qemu_disk_list(const json_t *blocks, const json_t *sets, struct qemu_attached_list *out)
{
    const json_t *block;
    size_t i;

    json_array_foreach((json_t *)blocks, i, block)
    {
        struct sv id_view;
        const json_t *set;

        if (!parse_qdev(text_of(block, "qdev"), &id_view))
            continue;

        char *id = sv_dup(id_view);

        set = find_set(sets, id);
        *vec_push(out) = (struct qemu_attached){
            .id = id,
            .path = mem_strdup(set ? path_in(set, id)
                                   : text_of(json_object_get(block, "inserted"), "file")),
            .is_block_device = set != NULL,
        };
    }
}

void qemu_attached_list_done(struct qemu_attached_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->v[i].id);
        free(list->v[i].path);
    }
    vec_done(list);
}

static bool has_id(const struct qemu_attached_list *disks, const char *id)
{
    for (size_t i = 0; i < disks->n; i++)
        if (strcmp(disks->v[i].id, id) == 0)
            return true;
    return false;
}

static bool is_empty_port(const json_t *device)
{
    const json_t *bridge = json_object_get(device, "pci_bridge");

    return json_array_size(json_object_get(bridge, "devices")) == 0;
}

/* Calls back for each spare port, in order. */
typedef void (*spare_port_fn)(void *arg, unsigned port, bool is_empty);

static bool each_spare_port(const json_t *buses, spare_port_fn on_port, void *arg)
{
    const json_t *bus, *device;
    bool has_ports = false;
    size_t i, j;

    json_array_foreach((json_t *)buses, i, bus)
    {
        json_array_foreach(json_object_get(bus, "devices"), j, device)
        {
            unsigned port;

            if (!parse_name(sv_of(text_of(device, "qdev_id")), QEMU_SPARE_PORT, &port))
                continue;
            has_ports = true;
            on_port(arg, port, is_empty_port(device));
        }
    }
    return has_ports;
}

static bool fail_without_port(bool has_ports, const char *what, const char *where,
                              struct err **errp)
{
    if (has_ports) {
        (void)err_set(errp, ERR_BUSY, "all places for %s that come later are taken", what);
        return err_hint(errp, "disks and 9p mounts share them; take one of these back");
    }
    (void)err_set(errp, ERR_UNSUPPORTED,
                  "the instance was started without places for %s that come later", what);
    return err_hint(errp, "restart it, or name the %s in its configuration", where);
}

struct port_search {
    const struct qemu_attached_list *disks;
    bool found;
    unsigned port;
};

static void take_first(void *arg, unsigned port, bool is_empty)
{
    struct port_search *search = arg;
    auto_mem char *id = mem_printf(QEMU_SPARE_ID "%u", port);

    if (search->found || !is_empty || has_id(search->disks, id))
        return;
    search->found = true;
    search->port = port;
}

static void take_last(void *arg, unsigned port, bool is_empty)
{
    struct port_search *search = arg;

    if (!is_empty)
        return;
    search->found = true;
    search->port = port;
}

bool qemu_disk_free_port(const json_t *buses, const struct qemu_attached_list *disks,
                         unsigned *out_port, struct err **errp)
{
    struct port_search search = { .disks = disks };
    bool has_ports = each_spare_port(buses, take_first, &search);

    if (!search.found)
        return fail_without_port(has_ports, "disks", "disk", errp);
    *out_port = search.port;
    return true;
}

bool qemu_share_free_port(const json_t *buses, unsigned *out_port, struct err **errp)
{
    struct port_search search = { 0 };
    bool has_ports = each_spare_port(buses, take_last, &search);

    if (!search.found)
        return fail_without_port(has_ports, "folders", "folder", errp);
    *out_port = search.port;
    return true;
}
