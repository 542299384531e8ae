/* limactl disk, what it says to a running instance: disks that a guest is given and gives back; the
 * host agent does the work. */
#include "prog/limactl/verb_disk.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/json/json.h"
#include "model/store/disk.h"
#include "model/store/ha_client.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/agent_call.h"
#include "prog/limactl/output.h"
#include "prog/limactl/table.h"
#include "prog/limactl/target.h"
#include "sys/file.h"

enum { TIMEOUT_MS = 90 * 1000, CELL_MAX = 4096 };

static bool call(const char *instance, const char *method, const json_t *value, json_t **out_answer,
                 struct err **errp)
{
    const struct agent_call call = { method, "/v1/disks", value, TIMEOUT_MS };

    return agent_call(instance, &call, out_answer, errp);
}

/* What has a slash is a path, anything else the name of a disk. */
static bool make_body(const char *what, json_t **out, struct err **errp)
{
    auto_mem char *path = NULL;

    if (strchr(what, '/') && !file_absolute(what, &path, errp))
        return false;
    *out = json_object();
    (void)json_object_set_new(*out, "disk", json_string(path ? path : what));
    return true;
}

static const char *text_of(const json_t *disk, const char *key)
{
    const char *text = json_string_value(json_object_get(disk, key));

    return text ? text : "";
}

/* An instance, then names of disks. */
static void complete_disk(const struct strv *before, struct strv *out)
{
    auto_store struct store store = { 0 };

    if (before->n == 0)
        target_complete(before, out);
    else if (before->n == 1 && store_open(&store, NULL))
        (void)!disk_list(&store, out, NULL);
}

/* ---- attach ---- */

static bool disk_attach_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    auto_json json_t *body = NULL, *disk = NULL;

    if (!make_body(args->v[1], &body, errp) || !call(args->v[0], "POST", body, &disk, errp))
        return false;

    auto_mem char *serial = quote_printable(sv_of(text_of(disk, "serial")), CELL_MAX);
    auto_mem char *name = quote_tick_dup(args->v[0]);

    log_info("The instance %s has the disk as /dev/disk/by-id/virtio-%s", name, serial);
    return true;
}

static const struct verb verb_disk_attach = {
    .name = "attach",
    .group = VERB_BASIC,
    .args = "INSTANCE PATH|DISK",
    .summary = "Give a running instance a disk",
    .details =
        "PATH, with a slash in it, is a block device of the host or an image file (raw, qcow2);\n"
        "DISK is one of LIMA_HOME/_disks. It is neither formatted nor mounted. It is gone when\n"
        "the instance stops; `blockDevices:` and `additionalDisks:` of its configuration are for\n"
        "good.\n"
        "\n"
        "A block device must not be in use on the host. Who may not open it needs a rule of\n"
        "sudoers, see `limactl sudoers --help`.",
    .example = "  limactl disk attach default /dev/sdb\n"
               "  limactl disk attach default ./data.qcow2\n",
    .args_min = 2,
    .args_max = 2,
    .complete = complete_disk,
    .run = disk_attach_run,
};

/* ---- detach ---- */

struct disk_detach_opts {
    struct arg_bool force;
};

static const struct opt disk_detach_rows[] = {
    { OPT_AT(BOOL, struct disk_detach_opts, force), .letter = 'f', .name = "force",
      .help = "Also while the guest uses it: what it has not written yet is lost" },
};

static bool disk_detach_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct disk_detach_opts *o = opts;
    auto_json json_t *body = NULL;

    if (!make_body(args->v[1], &body, errp))
        return false;
    (void)json_object_set_new(body, "force", json_boolean(o->force.v));
    return call(args->v[0], "DELETE", body, NULL, errp);
}

static const struct verb verb_disk_detach = {
    .name = "detach",
    .group = VERB_BASIC,
    .args = "INSTANCE PATH|DISK",
    .summary = "Take a disk back that was attached",
    .details =
        "Unmount it in the guest first. A disk that is mounted there, swapped to, or part of\n"
        "another device stays.",
    .args_min = 2,
    .args_max = 2,
    .opts = { { NULL, disk_detach_rows, COUNT(disk_detach_rows), 0 } },
    .opts_size = sizeof(struct disk_detach_opts),
    .complete = complete_disk,
    .run = disk_detach_run,
};

/* ---- attached ---- */

struct disk_attached_opts {
    struct arg_bool json;
};

static const struct opt disk_attached_rows[] = {
    { OPT_AT(BOOL, struct disk_attached_opts, json), .name = "json",
      .help = "One JSON object per disk and line" },
};

static const char *const titles[] = { "DISK", "KIND", "SERIAL", "DETACHABLE" };

static void add_row(struct table *table, const json_t *disk)
{
    const char *name = text_of(disk, *text_of(disk, "name") ? "name" : "path");

    table_add_take(table, quote_printable(sv_of(name), CELL_MAX));
    table_add_take(table, quote_printable(sv_of(text_of(disk, "kind")), CELL_MAX));
    table_add_take(table, quote_printable(sv_of(text_of(disk, "serial")), CELL_MAX));
    table_add(table, json_is_true(json_object_get(disk, "hot")) ? "yes" : "no");
}

static bool disk_attached_run(struct ctx *ctx, void *opts, const struct strv *args,
                              struct err **errp)
{
    const struct disk_attached_opts *o = opts;
    auto_table struct table table = { .titles = titles, .n_columns = COUNT(titles) };
    auto_json json_t *disks = NULL;
    auto_sb struct sb out = { 0 };
    const json_t *disk;
    size_t i;

    if (!call(target_name(args), "GET", NULL, &disks, errp))
        return false;
    json_array_foreach(disks, i, disk)
    {
        if (o->json.v) {
            json_put(&out, disk, JSON_STYLE_COMPACT);
            sb_putc(&out, '\n');
        } else {
            add_row(&table, disk);
        }
    }
    if (!o->json.v)
        table_put(&table, &out);
    output_put(sb_view(&out));
    return true;
}

static const struct verb verb_disk_attached = {
    .name = "attached",
    .group = VERB_BASIC,
    .args = "[INSTANCE]",
    .summary = "List the disks a running instance was given, and its block devices",
    .details = "SERIAL is how the guest knows a disk: /dev/disk/by-id/virtio-SERIAL.",
    .args_max = 1,
    .opts = { { NULL, disk_attached_rows, COUNT(disk_attached_rows), 0 } },
    .opts_size = sizeof(struct disk_attached_opts),
    .complete = target_complete,
    .run = disk_attached_run,
};

static const struct verb *const subs[] = {
    &verb_disk_create, &verb_disk_list,   &verb_disk_delete, &verb_disk_resize,   &verb_disk_import,
    &verb_disk_unlock, &verb_disk_attach, &verb_disk_detach, &verb_disk_attached, NULL,
};

const struct verb verb_disk = {
    .name = "disk",
    .group = VERB_ADVANCED,
    .summary = "Make disks, give them to running instances and take them back",
    .subs = subs,
};
