/* limactl disk create, list, delete, resize, import, unlock (reference: cli section 10.2). */
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/units.h"
#include "instance/managed_disk.h"
#include "lang/json/json.h"
#include "model/store/inst_status.h"
#include "prog/limactl/output.h"
#include "prog/limactl/table.h"
#include "prog/limactl/verb_disk.h"
#include "sys/file.h"

struct size_opts {
    struct arg_str size;
    struct arg_str format; /* of create only */
};

#define SIZE_ROW                                                   \
    {                                                              \
        OPT_AT(STR, struct size_opts, size),                       \
            .name = "size", .value = "SIZE",                       \
            .help = "Size as the guest sees it, for example 10GiB" \
    }

static bool parse_size(const struct size_opts *o, uint64_t *out, struct err **errp)
{
    if (!o->size.set)
        return err_set(errp, ERR_INVALID, "required flag(s) \"size\" not set");
    return size_parse(sv_of(o->size.v), out, errp);
}

static void complete_disks(const struct strv *before, struct strv *out)
{
    auto_store struct store store = { 0 };

    if (store_open(&store, NULL))
        (void)!disk_list(&store, out, NULL);
}

/* The same, for one disk. */
static void complete_disk(const struct strv *before, struct strv *out)
{
    if (before->n == 0)
        complete_disks(before, out);
}

/* What deals with one disk after the other. */
typedef bool (*each_disk_fn)(const struct store *store, const struct disk *disk, const void *opts,
                             struct err **errp);

/* Disks that do not exist are no reason to fail. */
static bool for_each_disk(const struct strv *names, each_disk_fn fn, const void *opts,
                          struct err **errp)
{
    auto_store struct store store = { 0 };

    if (!store_open(&store, errp))
        return false;
    for (size_t i = 0; i < names->n; i++) {
        auto_disk struct disk disk = { 0 };
        auto_err struct err *err = NULL;

        if (disk_find(&disk, &store, names->v[i], &err)) {
            if (!fn(&store, &disk, opts, errp))
                return false;
        } else if (err_kind(err) == ERR_NOT_FOUND) {
            log_warn("Ignoring non-existent disk \"%s\"", names->v[i]);
        } else {
            return err_propagate(errp, MOVE(err));
        }
    }
    return true;
}

/* The instance that has the disk, as it is now; false when none has. */
static bool inspect_user(struct instance *out, const struct store *store, const struct disk *disk)
{
    if (!disk->instance_dir)
        return false;
    instance_inspect_any(out, store, path_base(disk->instance_dir));
    return true;
}

/* ---- create ---- */

static const char *const formats[] = { "qcow2", "raw", NULL };

static const struct opt create_rows[] = {
    SIZE_ROW,
    { OPT_AT(STR, struct size_opts, format), .name = "format", .preset = "qcow2", .words = formats,
      .help = "Format of the image: qcow2 or raw" },
};

static bool parse_format(const char *text, enum image_format *out, struct err **errp)
{
    if (strcmp(text, "qcow2") == 0)
        *out = IMAGE_QCOW2;
    else if (strcmp(text, "raw") == 0)
        *out = IMAGE_RAW;
    else
        return err_set(errp, ERR_INVALID,
                       "disk format `%s` not supported, use `qcow2` or `raw` instead", text);
    return true;
}

static bool disk_create_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct size_opts *o = opts;
    auto_store struct store store = { 0 };
    enum image_format format = IMAGE_QCOW2;
    uint64_t size;

    if (!parse_size(o, &size, errp) || !parse_format(o->format.v, &format, errp) ||
        !store_open(&store, errp))
        return false;

    auto_mem char *shown = size_format(size);

    log_info("Creating %s disk \"%s\" with size %s", o->format.v, args->v[0], shown);
    return managed_disk_create(&store, args->v[0], format, size, errp);
}

const struct verb verb_disk_create = {
    .name = "create",
    .group = VERB_BASIC,
    .args = "DISK",
    .summary = "Make an empty disk",
    .details = "Name it in `additionalDisks` of an instance, which then formats and mounts it, or\n"
               "give it to a running instance with `limactl disk attach`.",
    .example = "  limactl disk create data --size 10GiB\n",
    .args_min = 1,
    .args_max = 1,
    .opts = { { NULL, create_rows, COUNT(create_rows), 0 } },
    .opts_size = sizeof(struct size_opts),
    .run = disk_create_run,
};

/* ---- list ---- */

struct list_opts {
    struct arg_bool json;
};

static const struct opt list_rows[] = {
    { OPT_AT(BOOL, struct list_opts, json), .name = "json",
      .help = "One JSON object per disk and line" },
};

static const char *const titles[] = { "NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY" };

static void add_row(struct table *table, const struct store *store, const struct disk *disk,
                    const struct disk_content *content)
{
    table_add(table, disk->name);
    table_add_take(table, size_format(content->size));
    table_add(table, image_format_name(content->format));
    table_add_path(table, disk->dir, store->env.host.user_home);
    table_add(table, disk->instance_dir ? path_base(disk->instance_dir) : "");
}

/* How the instance that has the disk formats it; "" when that is left to the guest. Borrowed. */
static const char *fs_type_of(const struct instance *user, const char *name)
{
    for (size_t i = 0; user->has_config && i < user->config.additional_disks.n; i++) {
        const struct disk_config *disk = &user->config.additional_disks.v[i];

        if (str_eq(disk->name, name) && disk->fs_type)
            return disk->fs_type;
    }
    return "";
}

static void put_json(struct sb *out, const struct store *store, const struct disk *disk,
                     const struct disk_content *content)
{
    auto_instance struct instance user = { 0 };
    const char *dir = inspect_user(&user, store, disk) ? disk->instance_dir : "";
    const char *fs_type = fs_type_of(&user, disk->name);
    auto_mem char *mount_point = strcmp(fs_type, "swap") == 0
                                     ? mem_strdup("[SWAP]")
                                     : mem_printf("/mnt/lima-%s", disk->name);
    auto_json json_t *object =
        json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "name", disk->name, "size",
                  (json_int_t)content->size, "format", image_format_name(content->format), "dir",
                  disk->dir, "instance", path_base(dir), "instanceDir", dir, "mountPoint",
                  mount_point, "fsType", fs_type);

    json_put(out, object, JSON_STYLE_COMPACT);
    sb_putc(out, '\n');
}

static bool list_names(const struct store *store, const struct strv *args, struct strv *out,
                       struct err **errp)
{
    auto_strv struct strv all = { 0 };

    if (!disk_list(store, &all, errp))
        return false;
    for (size_t i = 0; i < args->n; i++) {
        if (strv_has(&all, args->v[i]))
            strv_push(out, args->v[i]);
        else
            log_warn("No disk matching %s found.", args->v[i]);
    }
    if (args->n == 0) {
        for (size_t i = 0; i < all.n; i++)
            strv_push(out, all.v[i]);
        if (all.n == 0)
            log_warn("No disk found. Run `limactl disk create DISK --size SIZE` to create a disk.");
    }
    return true;
}

static bool disk_list_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct list_opts *o = opts;
    auto_table struct table table = { .titles = titles, .n_columns = COUNT(titles) };
    auto_store struct store store = { 0 };
    auto_strv struct strv names = { 0 };
    auto_sb struct sb out = { 0 };

    if (!store_open(&store, errp) || !list_names(&store, args, &names, errp))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_disk struct disk disk = { 0 };
        auto_err struct err *err = NULL;
        struct disk_content content = { 0 };

        if (!disk_find(&disk, &store, names.v[i], &err))
            continue;                                     /* deleted meanwhile */
        if (!managed_disk_examine(&disk, &content, &err)) /* listed with what is known */
            log_warn("disk \"%s\": %s", disk.name, err_text(err));
        if (o->json.v)
            put_json(&out, &store, &disk, &content);
        else
            add_row(&table, &store, &disk, &content);
    }
    if (!o->json.v)
        table_put(&table, &out);
    output_put(sb_view(&out));
    return true;
}

static const char *const list_aliases[] = { "ls", NULL };

const struct verb verb_disk_list = {
    .name = "list",
    .aliases = list_aliases,
    .group = VERB_BASIC,
    .args = "[DISK...]",
    .summary = "List disks and the instances that have them",
    .args_max = ARGS_ANY,
    .opts = { { NULL, list_rows, COUNT(list_rows), 0 } },
    .opts_size = sizeof(struct list_opts),
    .complete = complete_disks,
    .run = disk_list_run,
};

/* ---- delete ---- */

struct delete_opts {
    struct arg_bool force;
};

static const struct opt delete_rows[] = {
    { OPT_AT(BOOL, struct delete_opts, force), .letter = 'f', .name = "force",
      .help = "Also a disk that is in use, or that an instance refers to" },
};

/* *out_skip: an instance that does not run refers to it. */
static bool check_deletable(const struct store *store, const struct disk *disk, bool *out_skip,
                            struct err **errp)
{
    auto_strv struct strv referrers = { 0 };

    if (disk->instance_dir)
        return err_set(errp, ERR_BUSY, "cannot delete disk `%s` in use by instance `%s`",
                       disk->name, path_base(disk->instance_dir));
    if (!managed_disk_referrers(store, disk->name, &referrers, errp))
        return false;
    *out_skip = referrers.n > 0;
    if (*out_skip) {
        auto_mem char *list = strv_join(&referrers, ", ");

        log_warn("Skipping disk \"%s\", the configuration of these instances refers to it: %s",
                 disk->name, list);
        log_warn("To delete it anyway, run `limactl disk delete --force %s`", disk->name);
    }
    return true;
}

static bool delete_one(const struct store *store, const struct disk *disk, const void *opts,
                       struct err **errp)
{
    const struct delete_opts *o = opts;
    bool skip = false;

    if (!o->force.v && !check_deletable(store, disk, &skip, errp))
        return false;
    if (skip)
        return true;
    if (!managed_disk_remove(disk, errp))
        return err_wrap(errp, "failed to delete disk `%s`", disk->name);
    log_info("Deleted `%s` (`%s`)", disk->name, disk->dir);
    return true;
}

static bool disk_delete_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    return for_each_disk(args, delete_one, opts, errp);
}

static const char *const delete_aliases[] = { "remove", "rm", NULL };

const struct verb verb_disk_delete = {
    .name = "delete",
    .aliases = delete_aliases,
    .group = VERB_BASIC,
    .args = "DISK [DISK...]",
    .summary = "Delete disks and what is on them",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .opts = { { NULL, delete_rows, COUNT(delete_rows), 0 } },
    .opts_size = sizeof(struct delete_opts),
    .complete = complete_disks,
    .run = disk_delete_run,
};

/* ---- resize ---- */

static const struct opt resize_rows[] = { SIZE_ROW };

static bool disk_resize_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const char *name = args->v[0];
    auto_store struct store store = { 0 };
    auto_disk struct disk disk = { 0 };
    auto_instance struct instance user = { 0 };
    struct err *err = NULL;
    uint64_t size;

    if (!parse_size(opts, &size, errp) || !store_open(&store, errp))
        return false;
    if (!disk_find(&disk, &store, name, &err)) {
        if (err_kind(err) != ERR_NOT_FOUND)
            return err_propagate(errp, err);
        err_free(err);
        return err_set(errp, ERR_NOT_FOUND, "disk `%s` does not exists", name);
    }
    if (inspect_user(&user, &store, &disk) && user.status == INST_RUNNING)
        return err_set(errp, ERR_BUSY,
                       "cannot resize disk `%s` used by running instance `%s`. Please stop the VM "
                       "instance",
                       name, user.name);
    if (!managed_disk_grow(&disk, size, errp))
        return false;
    log_info("Resized disk `%s` (`%s`)", name, disk.dir);
    return true;
}

const struct verb verb_disk_resize = {
    .name = "resize",
    .group = VERB_BASIC,
    .args = "DISK",
    .summary = "Make a disk larger",
    .details = "A file system that the guest made on it grows at the next start of its instance.",
    .args_min = 1,
    .args_max = 1,
    .opts = { { NULL, resize_rows, COUNT(resize_rows), 0 } },
    .opts_size = sizeof(struct size_opts),
    .complete = complete_disk,
    .run = disk_resize_run,
};

/* ---- import ---- */

static bool disk_import_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    auto_store struct store store = { 0 };

    if (!store_open(&store, errp) || !managed_disk_import(&store, args->v[0], args->v[1], errp))
        return false;
    log_info("Imported `%s` as disk `%s`", args->v[1], args->v[0]);
    return true;
}

const struct verb verb_disk_import = {
    .name = "import",
    .group = VERB_BASIC,
    .args = "DISK FILE",
    .summary = "Make a disk of a raw or qcow2 image",
    .details = "The image is copied.",
    .args_min = 2,
    .args_max = 2,
    .run = disk_import_run,
};

/* ---- unlock ---- */

static bool unlock_one(const struct store *store, const struct disk *disk, const void *opts,
                       struct err **errp)
{
    auto_instance struct instance user = { 0 };

    if (!inspect_user(&user, store, disk))
        return true;
    if (user.status == INST_RUNNING) {
        log_warn("Cannot unlock disk `%s` used by running instance `%s`", disk->name, user.name);
        return true;
    }
    if (file_exists(disk->instance_dir) && user.errors.n > 0) {
        log_warn("Cannot unlock disk `%s`, attached instance `%s` has errors: %s", disk->name,
                 user.name, user.errors.v[0]);
        return true;
    }
    if (!disk_unlock(disk, errp))
        return err_wrap(errp, "failed to unlock disk `%s`", disk->name);
    log_info("Unlocked disk `%s` (`%s`)", disk->name, disk->dir);
    return true;
}

static bool disk_unlock_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    return for_each_disk(args, unlock_one, opts, errp);
}

const struct verb verb_disk_unlock = {
    .name = "unlock",
    .group = VERB_BASIC,
    .args = "DISK [DISK...]",
    .summary = "Free disks whose instance stopped without giving them back",
    .args_min = 1,
    .args_max = ARGS_ANY,
    .complete = complete_disks,
    .run = disk_unlock_run,
};
