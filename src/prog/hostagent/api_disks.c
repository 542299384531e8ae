#include "prog/hostagent/api_disks.h"

#include <jansson.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "prog/hostagent/api_reply.h"
#include "prog/hostagent/disks.h"

static json_t *disk_json(const struct disk_info *info)
{
    json_t *out = json_object();

    (void)json_object_set_new(out, "kind", json_string(disk_kind_names[info->kind]));
    if (info->name)
        (void)json_object_set_new(out, "name", json_string(info->name));
    (void)json_object_set_new(out, "path", json_string(info->path));
    (void)json_object_set_new(out, "serial", json_string(info->serial));
    (void)json_object_set_new(out, "hot", json_boolean(info->is_hot));
    return out;
}

static void listed(void *arg, const struct disk_info *disks, size_t n, const struct err *err)
{
    auto_json json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, disk_json(&disks[i]));
    api_reply_outcome(arg, MOVE(list), err);
}

static void attached(void *arg, const struct disk_info *info, const struct err *err)
{
    api_reply_outcome(arg, info ? disk_json(info) : NULL, err);
}

static void detached(void *arg, const struct disk_info *info, const struct err *err)
{
    api_reply_done(arg, err);
}

/* The disk that is named; owned. NULL when the question has been answered. */
static char *take_disk(const struct disks *d, struct http_exchange *x, bool *out_force)
{
    auto_err struct err *err = NULL;
    auto_json json_t *body = json_parse(http_body(x), &err);
    const char *disk;

    *out_force = false;
    if (!body || !json_get_str(body, "disk", &disk, &err) ||
        !json_opt_bool(body, "force", out_force, &err)) {
        api_reply_error(x, 400, err);
        return NULL;
    }
    if (!d) {
        http_respond_error(x, 500, "the machine is not running");
        return NULL;
    }
    return mem_strdup(disk);
}

void api_disks_get(struct disks *d, struct http_exchange *x)
{
    if (d)
        disks_list(d, listed, x);
    else
        http_respond(x, 200, "application/json", SV("[]"));
}

void api_disks_post(struct disks *d, struct http_exchange *x)
{
    bool force;
    auto_mem char *disk = take_disk(d, x, &force);

    if (disk)
        disks_attach(d, disk, attached, x);
}

void api_disks_delete(struct disks *d, struct http_exchange *x)
{
    bool force;
    auto_mem char *disk = take_disk(d, x, &force);

    if (disk)
        disks_detach(d, disk, force, detached, x);
}
