/* limactl start (reference: cli section 5.2). */
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/store/inst_dir.h"
#include "prog/limactl/boot.h"
#include "prog/limactl/change.h"
#include "prog/limactl/new_instance.h"
#include "prog/limactl/template_source.h"

struct start_opts {
    struct new_instance_opts new;
    struct arg_bool foreground, progress;
    struct arg_duration timeout;
};

static const struct opt start_rows[] = {
    { OPT_AT(BOOL, struct start_opts, foreground), .name = "foreground",
      .help = "Run the host agent in the foreground" },
    { OPT_AT(DURATION, struct start_opts, timeout), .name = "timeout", .preset = "10m0s",
      .help = "How long to wait until the instance is ready" },
    { OPT_AT(BOOL, struct start_opts, progress), .name = "progress",
      .help = "Show the progress of the first boot" },
};

static bool boot(const struct start_opts *o, const char *name, struct err **errp)
{
    return boot_by_name(name,
                        &(struct boot){
                            .timeout_ns = o->timeout.set ? o->timeout.ns : 0,
                            .cloud_init = o->progress.v,
                            .foreground = o->foreground.v,
                        },
                        errp);
}

static bool start_existing(const struct start_opts *o, const char *name, struct err **errp)
{
    auto_mem char *shown = quote_tick_dup(name);

    log_info("Using the existing instance %s", shown);
    return change_by_flags(name, &o->new.edit, &o->new.create, errp) &&
           boot(o, name, errp);
}

static bool start_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct start_opts *o = opts;
    auto_store struct store store = { 0 };
    auto_new_instance struct new_instance what = { 0 };
    struct term_progress progress;
    bool done;

    term_progress_init(&progress);
    if (!store_open(&store, errp) || !new_instance_lists(&store, &o->new.create, &done, errp))
        return false;
    if (done)
        return true;
    if (!new_instance_resolve(ctx, &store, args->n > 0 ? args->v[0] : NULL, &o->new.create, &what, errp))
        return false;
    if (what.by_name && inst_exists(&store, what.name))
        return start_existing(o, what.name, errp);
    return new_instance_create(ctx, &store, &what, &o->new, &progress, errp) &&
           boot(o, what.name, errp);
}

const struct verb verb_start = {
    .name = "start",
    .group = VERB_BASIC,
    .args = "[NAME|FILE|URL|template:NAME]",
    .summary = "Start an instance, creating it when it does not exist",
    .example = "  limactl start                        instance \"default\"\n"
               "  limactl start --name=x template:debian-12\n"
               "  limactl start x",
    .args_max = 1,
    .opts = { { NULL, start_rows, COUNT(start_rows), 0 },
              { "Flags inherited from `limactl create`", create_opt_rows, N_CREATE_OPTS,
                offsetof(struct start_opts, new.create) },
              { "Configuration Flags", edit_opt_rows, N_EDIT_OPTS, offsetof(struct start_opts, new.edit) } },
    .opts_size = sizeof(struct start_opts),
    .complete = template_source_complete,
    .run = start_run,
};
