#include "prog/hostagent/api_mounts.h"

#include <jansson.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "prog/hostagent/api_reply.h"
#include "prog/hostagent/mounts.h"

#define TYPE_DEFAULT "virtiofs"

static json_t *mount_json(const struct mount_info *info)
{
    json_t *out = json_object();

    (void)json_object_set_new(out, "id", json_string(info->mount_point));
    (void)json_object_set_new(out, "hostPath", json_string(info->location));
    (void)json_object_set_new(out, "mountPoint", json_string(info->mount_point));
    (void)json_object_set_new(out, "type", json_string(info->type));
    (void)json_object_set_new(out, "writable", json_boolean(info->writable));
    (void)json_object_set_new(out, "configured", json_boolean(info->is_configured));
    (void)json_object_set_new(out, "state", json_string(info->state));
    if (info->error)
        (void)json_object_set_new(out, "error", json_string(info->error));
    if (info->warning)
        (void)json_object_set_new(out, "warning", json_string(info->warning));
    return out;
}

void api_mounts_get(const struct mounts *m, struct http_exchange *x)
{
    auto_json json_t *list = json_array();
    struct mount_info info;
    const void *at = NULL;

    while (m && mounts_next(m, &at, &info))
        (void)json_array_append_new(list, mount_json(&info));
    api_reply(x, list);
}

static void added(void *arg, const struct mount_info *info, const struct err *err)
{
    api_reply_outcome(arg, info ? mount_json(info) : NULL, err);
}

static void removed(void *arg, const struct mount_info *info, const struct err *err)
{
    api_reply_done(arg, err);
}

/* Answers with 400 and returns NULL when the body is no object. */
static json_t *take_body(struct http_exchange *x)
{
    auto_err struct err *err = NULL;
    json_t *body = json_parse(http_body(x), &err);

    if (body && json_is_object(body))
        return body;
    json_decref(body);
    http_respond_error(x, 400, "%s", err ? err_text(err) : "a JSON object is expected");
    return NULL;
}

void api_mounts_post(struct mounts *m, struct http_exchange *x)
{
    auto_json json_t *body = take_body(x);
    const char *location, *mount_point, *type = TYPE_DEFAULT;
    auto_err struct err *err = NULL;
    bool writable = false;

    if (!body)
        return;
    if (!json_get_str(body, "hostPath", &location, &err) ||
        !json_get_str(body, "mountPoint", &mount_point, &err) ||
        !json_opt_str(body, "type", &type, &err) ||
        !json_opt_bool(body, "writable", &writable, &err))
        api_reply_error(x, 400, err);
    else if (!m)
        http_respond_error(x, 500, "the machine is not running");
    else
        mounts_add(m,
                   &(struct mount_request){ .type = *type ? type : TYPE_DEFAULT,
                                            .location = location,
                                            .mount_point = mount_point,
                                            .writable = writable },
                   added, x);
}

void api_mounts_delete(struct mounts *m, struct http_exchange *x)
{
    auto_json json_t *body = take_body(x);
    auto_err struct err *err = NULL;
    const char *mount_point;
    bool force = false;

    if (!body)
        return;
    if (!json_get_str(body, "mountPoint", &mount_point, &err) ||
        !json_opt_bool(body, "force", &force, &err))
        api_reply_error(x, 400, err);
    else if (!m)
        http_respond_error(x, 500, "the machine is not running");
    else
        mounts_remove(m, mount_point, force, removed, x);
}
