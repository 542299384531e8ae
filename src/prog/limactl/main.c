/*
 * limactl: finds the verb, parses its options, runs it, reports its error once.
 *
 * Order of checks (reference: cli section 1.2): unknown verb, option syntax, --help, --version, number
 * of positionals, global checks, then the verb.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/strv.h"
#include "prog/limactl/complete.h"
#include "prog/limactl/help.h"
#include "prog/limactl/output.h"
#include "prog/limactl/verb.h"
#include "sys/tty.h"

#define NFS_MAGIC 0x6969 /* linux/magic.h */

static void report(const struct err *err)
{
    const char *hint = err_hint_text(err);

    if (hint)
        log_at(LOG_FATAL, "%s (hint: %s)", err_text(err), hint);
    else
        log_at(LOG_FATAL, "%s", err_text(err));
}

static enum log_format log_format_default(void)
{
    return tty_is(STDERR_FILENO) ? LOG_FORMAT_TTY : LOG_FORMAT_TEXT;
}

static bool set_up_log(const struct global_opts *global, struct err **errp)
{
    enum log_level level = global->debug.v ? LOG_DEBUG : LOG_INFO;
    enum log_format format = log_format_default();
    auto_sb struct sb quoted = { 0 };

    if (global->log_level.v[0] && !log_level_parse(global->log_level.v, &level)) {
        quote_go(&quoted, sv_of(global->log_level.v));
        return err_set(errp, ERR_INVALID, "not a valid logrus Level: %s", sb_str(&quoted));
    }
    if (strcmp(global->log_format.v, "json") == 0) {
        format = LOG_FORMAT_JSON;
    } else if (strcmp(global->log_format.v, "text") != 0) {
        quote_tick(&quoted, sv_of(global->log_format.v));
        return err_set(errp, ERR_INVALID, "unsupported log-format: %s", sb_str(&quoted));
    }
    log_setup(level, format);
    return true;
}

static bool check_environment(struct err **errp)
{
    const char *lima_home = getenv("LIMA_HOME");
    const char *home = getenv("HOME");
    struct statfs fs;

    if (lima_home && lima_home[0]) {
        if (statfs(lima_home, &fs) == 0 && fs.f_type == NFS_MAGIC)
            log_warn("LIMA_HOME should not be on an NFS mount");
        return true;
    }
    if (!home || !home[0])
        return err_set(errp, ERR_INVALID, "the home directory is unknown: $HOME is not defined") ||
               err_hint(errp, "set HOME or LIMA_HOME");
    return true;
}

static bool check_globals(struct ctx *ctx, struct err **errp)
{
    const struct global_opts *global = &ctx->global;

    if (!set_up_log(global, errp))
        return false;
    if (global->tty.set && global->yes.set)
        return err_set(errp, ERR_INVALID,
                       "cannot use both --tty and --yes flags at the same time");
    ctx->tty = global->tty.set ? global->tty.v : tty_is(STDOUT_FILENO);
    if (global->yes.set && global->yes.v)
        ctx->tty = false;
    return (ctx->verb->flags & VERB_BARE) || check_environment(errp);
}

static bool run_verb(struct ctx *ctx, const char *path, char *const *args, struct err **errp)
{
    const struct verb *verb = ctx->verb;
    auto_mem void *opts = mem_alloc(verb->opts_size);
    struct opt_set sets[VERB_OPT_SETS + 1] = { { global_opt_rows, n_global_opts, &ctx->global } };
    size_t n_sets = 1 + verb_opt_sets(verb, opts, sets + 1);
    unsigned flags = verb->flags & VERB_STOP_AT_POSITIONAL ? ARGS_STOP_AT_POSITIONAL : 0;
    auto_strv struct strv positionals = { 0 };
    bool ok;

    ok = args_parse(sets, n_sets, flags, args, &positionals, errp);
    if (ok && ctx->global.help.v)
        help_print(verb, path);
    else if (ok)
        ok = verb_check_count(verb, path, &positionals, errp) && check_globals(ctx, errp) &&
             verb->run(ctx, opts, &positionals, errp);
    args_done(sets, n_sets);
    return ok;
}

/* limactl without a verb: help, version, or an option error. */
static bool run_root(struct ctx *ctx, char *const *args, struct err **errp)
{
    struct opt_set set = { global_opt_rows, n_root_opts, &ctx->global };
    auto_strv struct strv positionals = { 0 };

    if (!args_parse(&set, 1, 0, args, &positionals, errp))
        return false;
    if (ctx->global.help.v)
        help_print_root();
    else if (ctx->global.version.v)
        output_printf("limactl version %s+clima.%s\n", LIMA_VERSION, CLIMA_VERSION);
    else if (positionals.n > 0)
        return verb_unknown(verb_table, "limactl", positionals.v[0], errp);
    else
        help_print_root();
    return true;
}

/* The words without the verb at position at, which moves to *out_word. */
static void take_word(struct strv *words, size_t at, char **out_word)
{
    *out_word = mem_strdup(words->v[at]);
    strv_remove(words, at);
}

static bool run(struct ctx *ctx, int argc, char **argv, struct err **errp)
{
    const struct opt_set root = { global_opt_rows, n_root_opts, NULL };
    auto_strv struct strv words = { 0 };
    auto_mem char *path = mem_strdup("limactl");
    const struct verb *const *subs = verb_table;

    for (int i = 1; i < argc; i++)
        strv_push(&words, argv[i]);
    if (words.n > 0 && complete_is_request(words.v[0]))
        return complete_run(&words);

    while (subs) {
        ptrdiff_t at = args_find_verb(&root, 1, strv_array(&words));
        auto_mem char *word = NULL;

        if (at < 0)
            break;
        take_word(&words, (size_t)at, &word);
        const struct verb *verb = verb_find(subs, word);

        if (!verb && ctx->verb)
            break; /* a group does not know the word: its help, as in Lima */
        if (!verb)
            return verb_unknown(subs, path, word, errp);
        ctx->verb = verb;
        mem_replace(&path, mem_printf("%s %s", path, verb->name));
        subs = verb->subs;
    }
    if (!ctx->verb)
        return run_root(ctx, strv_array(&words), errp);
    if (!ctx->verb->run) {
        help_print(ctx->verb, path);
        return true;
    }
    if (ctx->verb->flags & VERB_RAW)
        return ctx->verb->run(ctx, NULL, &words, errp);
    return run_verb(ctx, path, strv_array(&words), errp);
}

int main(int argc, char **argv)
{
    struct ctx ctx = { 0 };
    struct err *err = NULL;
    bool ok;

    log_setup(LOG_INFO, log_format_default());
    ok = run(&ctx, argc, argv, &err) && output_flush(&err);
    if (!ok) {
        (void)output_flush(NULL); /* what was printed before the failure comes first */
        report(err);
        err_free(err);
        return EXIT_FAILURE;
    }
    return ctx.exit_status;
}
