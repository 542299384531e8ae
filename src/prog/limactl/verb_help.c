/* limactl help [VERB]: the same as VERB --help. */
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/limactl/help.h"
#include "prog/limactl/verb.h"
#include "sys/file.h"

static bool help_run(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp)
{
    const struct verb *const *subs = verb_table;
    const struct verb *verb = NULL;
    auto_mem char *path = mem_strdup("limactl");

    for (size_t i = 0; i < args->n && subs; i++) {
        verb = verb_find(subs, args->v[i]);
        if (!verb) {
            auto_sb struct sb out = { 0 };
            auto_mem char *topic = quote_tick_list(args);

            sb_putf(&out, "Unknown help topic %s\n", topic);
            help_root_text(&out);
            return file_write_fd(STDERR_FILENO, "standard error", sb_view(&out), errp);
        }
        mem_replace(&path, mem_printf("%s %s", path, verb->name));
        subs = verb->subs;
    }
    if (verb)
        help_print(verb, path);
    else
        help_print_root();
    return true;
}

static void help_complete(const struct strv *before, struct strv *out)
{
    for (const struct verb *const *v = verb_table; before->n == 0 && *v; v++)
        if ((*v)->group != VERB_HIDDEN)
            strv_pushf(out, "%s\t%s", (*v)->name, (*v)->summary);
}

const struct verb verb_help = {
    .name = "help",
    .group = VERB_ADDITIONAL,
    .args = "[COMMAND]",
    .summary = "Help about any command",
    .args_max = ARGS_ANY,
    .flags = VERB_BARE,
    .complete = help_complete,
    .run = help_run,
};
