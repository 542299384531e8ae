/* limactl mount: folders of the host that a running guest has; the host agent does the work. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/json/json.h"
#include "prog/limactl/agent_call.h"
#include "prog/limactl/output.h"
#include "prog/limactl/table.h"
#include "prog/limactl/target.h"

enum { TIMEOUT_MS = 60 * 1000, CELL_MAX = 4096 };

static const char *const types[] = { "virtiofs", "9p", "reverse-sshfs", NULL };

static bool call(const char *instance, const char *method, const json_t *value, json_t **out_answer,
                 struct err **errp)
{
    const struct agent_call call = { method, "/v1/mounts", value, TIMEOUT_MS };

    return agent_call(instance, &call, out_answer, errp);
}

/* ---- add ---- */

struct mount_add_opts {
    struct arg_str type, mount_point;
    struct arg_bool writable;
};

static const struct opt mount_add_rows[] = {
    { OPT_AT(STR, struct mount_add_opts, mount_point), .name = "mount-point", .value = "DIR",
      .help = "Directory of the guest; default: that of the host" },
    { OPT_AT(STR, struct mount_add_opts, type), .name = "type", .preset = "virtiofs",
      .words = types, .help = "How it is mounted" },
    { OPT_AT(BOOL, struct mount_add_opts, writable), .name = "writable", .letter = 'w',
      .help = "Let the guest write" },
};

/* Of the directory this command was called in; links are followed, as the shell would. */
static bool absolute_path(const char *path, char **out, struct err **errp)
{
    auto_mem char *real = *path ? realpath(path, NULL) : mem_strdup(path);

    if (!real)
        return err_set_os(errp, errno, "cannot share %s", path);
    *out = MOVE(real);
    return true;
}

/* What goes to the host agent is JSON. */
static bool put_path(json_t *body, const char *key, const char *path, struct err **errp)
{
    auto_mem char *quoted = NULL;

    if (!*path)
        return err_set(errp, ERR_INVALID, "%s is empty", key);
    if (json_object_set_new(body, key, json_string(path)) == 0)
        return true;
    quoted = quote_printable(sv_of(path), CELL_MAX);
    return err_set(errp, ERR_UNSUPPORTED, "%s is not UTF-8 and cannot be given to the host agent",
                   quoted);
}

static bool mount_add_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct mount_add_opts *o = opts;
    const char *mount_point = args->n > 2          ? args->v[2]
                              : o->mount_point.set ? o->mount_point.v
                                                   : NULL;
    auto_json json_t *body = json_object();
    auto_mem char *host_path = NULL;

    if (args->n > 2 && o->mount_point.set)
        return err_set(errp, ERR_INVALID, "the mount point is given twice");
    if (!absolute_path(args->v[1], &host_path, errp))
        return false;
    if (!put_path(body, "hostPath", host_path, errp) ||
        !put_path(body, "mountPoint", mount_point ? mount_point : host_path, errp))
        return false;
    (void)json_object_set_new(body, "type", json_string(o->type.v));
    (void)json_object_set_new(body, "writable", json_boolean(o->writable.v));
    return call(args->v[0], "POST", body, NULL, errp);
}

static const struct verb verb_mount_add = {
    .name = "add",
    .group = VERB_BASIC,
    .args = "INSTANCE HOST_PATH [GUEST_PATH]",
    .summary = "Mount a folder or a file of the host in a running guest",
    .details = "It is gone when the instance stops; `mounts:` of its configuration are for good.",
    .example = "  limactl mount add default ~/project --writable\n"
               "  limactl mount add default /srv/data /mnt/data\n",
    .args_min = 2,
    .args_max = 3,
    .opts = { { NULL, mount_add_rows, COUNT(mount_add_rows), 0 } },
    .opts_size = sizeof(struct mount_add_opts),
    .complete = target_complete,
    .run = mount_add_run,
};

/* ---- remove ---- */

struct mount_remove_opts {
    struct arg_bool force;
};

static const struct opt mount_remove_rows[] = {
    { OPT_AT(BOOL, struct mount_remove_opts, force), .letter = 'f', .name = "force",
      .help = "Detach it, and what is mounted in it, even while programs of the guest use it" },
};

/* A relative path means what it meant to "add", as long as it is there. */
static bool find_mount_point(const char *path, char **out, struct err **errp)
{
    auto_mem char *dir = NULL, *joined = NULL;

    if (path_is_absolute(path) || !*path) {
        *out = mem_strdup(path);
        return true;
    }
    *out = realpath(path, NULL);
    if (*out)
        return true;
    dir = getcwd(NULL, 0);
    if (!dir)
        return err_set_os(errp, errno, "the working directory cannot be found");
    joined = path_join(dir, path);
    *out = path_clean(joined);
    return true;
}

static bool mount_remove_run(struct ctx *ctx, void *opts, const struct strv *args,
                             struct err **errp)
{
    const struct mount_remove_opts *o = opts;
    auto_json json_t *body = json_object();
    auto_mem char *mount_point = NULL;

    if (!find_mount_point(args->v[1], &mount_point, errp) ||
        !put_path(body, "mountPoint", mount_point, errp))
        return false;
    (void)json_object_set_new(body, "force", json_boolean(o->force.v));
    return call(args->v[0], "DELETE", body, NULL, errp);
}

static const char *const remove_aliases[] = { "rm", "unmount", NULL };

static const struct verb verb_mount_remove = {
    .name = "remove",
    .aliases = remove_aliases,
    .group = VERB_BASIC,
    .args = "INSTANCE GUEST_PATH",
    .summary = "Unmount a folder of the host in a running guest",
    .args_min = 2,
    .args_max = 2,
    .opts = { { NULL, mount_remove_rows, COUNT(mount_remove_rows), 0 } },
    .opts_size = sizeof(struct mount_remove_opts),
    .complete = target_complete,
    .run = mount_remove_run,
};

/* ---- list ---- */

struct mount_list_opts {
    struct arg_bool json;
};

static const struct opt mount_list_rows[] = {
    { OPT_AT(BOOL, struct mount_list_opts, json), .name = "json",
      .help = "One JSON object per mount and line" },
};

static const char *const titles[] = { "MOUNTPOINT", "TYPE", "WRITABLE", "HOSTPATH", "STATE" };

static void add_text(struct table *table, const json_t *mount, const char *key)
{
    const char *text = json_string_value(json_object_get(mount, key));

    table_add_take(table, text && *text ? quote_printable(sv_of(text), CELL_MAX) : mem_strdup("-"));
}

/* "mounted", "mounted (WARNING)", or the error. */
static void add_state(struct table *table, const json_t *mount)
{
    const char *warning = json_string_value(json_object_get(mount, "warning"));
    auto_mem char *text = NULL;

    if (!warning) {
        add_text(table, mount, json_object_get(mount, "error") ? "error" : "state");
        return;
    }
    text = mem_printf("%s (%s)", json_string_value(json_object_get(mount, "state")), warning);
    table_add_take(table, quote_printable(sv_of(text), CELL_MAX));
}

static void print_line(const json_t *mount)
{
    auto_sb struct sb out = { 0 };

    json_put(&out, mount, JSON_STYLE_COMPACT);
    sb_putc(&out, '\n');
    output_put(sb_view(&out));
}

static bool mount_list_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct mount_list_opts *o = opts;
    auto_table struct table table = { .titles = titles, .n_columns = COUNT(titles) };
    auto_json json_t *answer = NULL;
    auto_sb struct sb out = { 0 };
    json_t *mount;
    size_t i;

    if (!call(args->v[0], "GET", NULL, &answer, errp))
        return false;
    json_array_foreach(answer, i, mount)
    {
        if (o->json.v) {
            print_line(mount);
            continue;
        }
        add_text(&table, mount, "mountPoint");
        add_text(&table, mount, "type");
        table_add(&table, json_is_true(json_object_get(mount, "writable")) ? "true" : "false");
        add_text(&table, mount, "hostPath");
        add_state(&table, mount);
    }
    if (!o->json.v) {
        table_put(&table, &out);
        output_put(sb_view(&out));
    }
    return true;
}

static const char *const list_aliases[] = { "ls", NULL };

static const struct verb verb_mount_list = {
    .name = "list",
    .aliases = list_aliases,
    .group = VERB_BASIC,
    .args = "INSTANCE",
    .summary = "List the folders of the host that a running guest has",
    .args_min = 1,
    .args_max = 1,
    .opts = { { NULL, mount_list_rows, COUNT(mount_list_rows), 0 } },
    .opts_size = sizeof(struct mount_list_opts),
    .complete = target_complete,
    .run = mount_list_run,
};

static const struct verb *const subs[] = { &verb_mount_add, &verb_mount_list, &verb_mount_remove,
                                           NULL };

const struct verb verb_mount = {
    .name = "mount",
    .group = VERB_ADVANCED,
    .summary = "Mount folders of the host in running guests",
    .subs = subs,
};
