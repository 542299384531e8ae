#include "prog/hostagent/api.h"

#include <jansson.h>
#include <strings.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "prog/hostagent/api_disks.h"
#include "prog/hostagent/api_mounts.h"
#include "prog/hostagent/api_reply.h"
#include "prog/hostagent/forwards.h"
#include "prog/hostagent/mounts.h"

static void put_errors(json_t *info, const struct api_facts *facts)
{
    auto_strv struct strv errors = { 0 };
    json_t *list;

    if (facts->forwards)
        forwards_errors(facts->forwards, &errors);
    if (facts->mounts)
        mounts_errors(facts->mounts, &errors);
    if (errors.n == 0)
        return;
    list = json_array();
    for (size_t i = 0; i < errors.n; i++)
        (void)json_array_append_new(list, json_string(errors.v[i]));
    (void)json_object_set_new(info, "errors", list);
}

static void info_requested(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;
    auto_json json_t *info = json_object();

    if (facts->auto_started_identifier && *facts->auto_started_identifier)
        (void)json_object_set_new(info, "autoStartedIdentifier",
                                  json_string(facts->auto_started_identifier));
    if (facts->ssh_port)
        (void)json_object_set_new(info, "sshLocalPort", json_integer(facts->ssh_port));
    put_errors(info, facts);
    api_reply(x, info);
}

static void ports_known(void *arg, json_t *report)
{
    api_reply(arg, report);
}

static void ports_requested(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    if (facts->forwards)
        forwards_report(facts->forwards, ports_known, x);
    else
        http_respond(x, 200, "application/json", SV("{\"ports\":[]}"));
}

static void screenshot_requested(void *arg, struct http_exchange *x)
{
    const char *format = http_query(x, "format");

    if (format && strcasecmp(format, "png") != 0 && strcasecmp(format, "bmp") != 0)
        http_respond_error(x, 400, "unknown image format \"%s\": png and bmp are known", format);
    else
        http_respond_error(x, 501, "the driver of this instance cannot take screenshots");
}

static void mounts_listed(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_mounts_get(facts->mounts, x);
}

static void mount_wanted(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_mounts_post(facts->mounts, x);
}

static void mount_unwanted(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_mounts_delete(facts->mounts, x);
}

static void disks_listed(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_disks_get(facts->disks, x);
}

static void disk_wanted(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_disks_post(facts->disks, x);
}

static void disk_unwanted(void *arg, struct http_exchange *x)
{
    const struct api_facts *facts = arg;

    api_disks_delete(facts->disks, x);
}

static const struct http_route routes[] = {
    { "GET", "/v1/info", info_requested },      { "GET", "/v1/ports", ports_requested },
    { "GET", "/v1/mounts", mounts_listed },     { "POST", "/v1/mounts", mount_wanted },
    { "DELETE", "/v1/mounts", mount_unwanted }, { "GET", "/v1/screenshot", screenshot_requested },
    { "GET", "/v1/disks", disks_listed },       { "POST", "/v1/disks", disk_wanted },
    { "DELETE", "/v1/disks", disk_unwanted },
};

struct http_server *api_open(struct uv_loop_s *loop, const char *path,
                             const struct api_facts *facts, struct err **errp)
{
    return http_server_open(loop, path, routes, COUNT(routes), (void *)facts, errp);
}
