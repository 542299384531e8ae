/* limactl edit (reference: cli section 5.6). */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/boot.h"
#include "prog/limactl/change.h"
#include "prog/limactl/prompt.h"
#include "prog/limactl/rewrite.h"
#include "sys/file.h"

struct edit_verb_opts {
    struct edit_opts edit;
    struct arg_bool start;
};

static const struct opt edit_rows[] = {
    { OPT_AT(BOOL, struct edit_verb_opts, start), .name = "start",
      .help = "Start the instance afterwards; --start=false does not ask" },
};

#define FILE_MAX ((size_t)4 << 20)

/* Text that is to be edited, and what became of it. */
struct edit_text {
    char *old, *new;
};

static void edit_text_done(struct edit_text *text)
{
    free(text->old);
    free(text->new);
}
#define auto_edit_text AUTO_CALL(edit_text_done)

/* False: nothing is to be done, for a reason that has been logged. */
static bool has_changed(const struct edit_text *text)
{
    if (sv_trim(sv_of(text->new)).n == 0) {
        log_info("Aborting, as requested by saving the file with empty content");
        return false;
    }
    if (strcmp(text->old, text->new) == 0) {
        log_info("Aborting, no changes made to the instance");
        return false;
    }
    return true;
}

/* Makes text->new out of text->old: by the flags if any is given, else in the editor. */
static bool make_new(struct ctx *ctx, const struct edit_verb_opts *o, const struct store *store,
                     const char *what, const char *path, struct edit_text *text,
                     struct err **errp)
{
    auto_mem char *title = mem_printf("Please edit the following configuration for %s.", what);

    if (!rewrite_by_flags(text->old, path, &o->edit, NULL, NULL, store, &text->new, errp))
        return false;
    if (edit_flags_given(&o->edit))
        return true;
    mem_replace(&text->new, NULL);
    if (!ctx->tty) {
        text->new = mem_strdup("");
        return true;
    }
    return rewrite_in_editor(text->old, store, title, &text->new, errp);
}

static bool edit_file(struct ctx *ctx, const struct edit_verb_opts *o, const char *path,
                      struct err **errp)
{
    auto_store struct store store = { 0 };
    auto_edit_text struct edit_text text = { 0 };
    auto_mem char *shown = quote_tick_dup(path);

    if (!store_open(&store, errp) || !file_read_text(path, FILE_MAX, &text.old, errp) ||
        !make_new(ctx, o, &store, shown, path, &text, errp))
        return false;
    if (!has_changed(&text))
        return true;
    if (!file_write_atomic(path, sv_of(text.new), 0644, errp))
        return false;
    log_info("File %s edited", shown);
    return true;
}

static bool want_start(struct ctx *ctx, const struct edit_verb_opts *o, bool *out, struct err **errp)
{
    *out = o->start.v;
    return o->start.set || !ctx->tty || !prompt_can_ask() ||
           prompt_confirm("Do you want to start the instance now?", true, out, errp);
}

static bool edit_instance(struct ctx *ctx, const struct edit_verb_opts *o, const char *name,
                          struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_edit_text struct edit_text text = { 0 };
    auto_mem char *shown = quote_tick_dup(name);
    auto_mem char *path = NULL;
    auto_fd int lock = -1;
    bool start;

    if (!target_open(&target, name, errp))
        return false;
    path = path_join(target.inst.dir, NAME_LIMA_YAML);
    if (target.inst.status == INST_RUNNING)
        return err_set(errp, ERR_BUSY, "cannot edit a running instance");
    if (!target_lock(target.inst.dir, name, &lock, errp) || !change_read(&target, &text.old, errp) ||
        !make_new(ctx, o, &target.store, shown, path, &text, errp))
        return false;
    if (!has_changed(&text))
        return true;
    if (!change_to(&target, text.new, errp))
        return false;
    log_info("Instance %s configuration edited", shown);
    if (!want_start(ctx, o, &start, errp))
        return false;
    return !start || (target_reload(&target, errp) && boot_instance(&target, &(struct boot){ 0 }, errp));
}

static bool edit_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct edit_verb_opts *o = opts;
    const char *name = target_name(args);
    auto_store struct store store = { 0 };
    auto_mem char *shown = quote_tick_dup(name);

    if (ctx->global.yes.set)
        log_warn("--yes is deprecated here, use --tty=false or --start");
    if (!inst_name_is_valid(name))
        return edit_file(ctx, o, name, errp);
    if (!store_open(&store, errp))
        return false;
    if (!inst_exists(&store, name))
        return err_set(errp, ERR_NOT_FOUND, "instance %s not found", shown);
    return edit_instance(ctx, o, name, errp);
}

const struct verb verb_edit = {
    .name = "edit",
    .group = VERB_BASIC,
    .args = "[INSTANCE|FILE]",
    .summary = "Edit the configuration of an instance, or a template file",
    .args_max = 1,
    .opts = { { NULL, edit_rows, COUNT(edit_rows), 0 },
              { "Configuration Flags", edit_opt_rows, N_EDIT_OPTS, offsetof(struct edit_verb_opts, edit) } },
    .opts_size = sizeof(struct edit_verb_opts),
    .complete = target_complete,
    .run = edit_run,
};
