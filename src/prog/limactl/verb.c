#include "prog/limactl/verb.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/quote.h"
#include "base/sb.h"

#include "prog/limactl/verbs.h" /* generated: VERB_LIST */

#define DECLARE(id) extern const struct verb verb_##id;
VERB_LIST(DECLARE)

#define ENTRY(id) &verb_##id,
const struct verb *const verb_table[] = { VERB_LIST(ENTRY) NULL };

static const char *const log_levels[] = { "panic", "fatal", "error", "warn",
                                          "info",  "debug", "trace", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

const struct opt global_opt_rows[] = {
    { OPT_AT(STR, struct global_opts, log_level), .name = "log-level", .value = "LEVEL",
      .words = log_levels, .help = "Least level of log lines that are shown" },
    { OPT_AT(STR, struct global_opts, log_format), .name = "log-format", .value = "FORMAT",
      .preset = "text", .words = log_formats, .help = "Form of log lines" },
    { OPT_AT(BOOL, struct global_opts, debug), .name = "debug", .help = "Log in detail" },
    { OPT_AT(BOOL, struct global_opts, tty), .name = "tty",
      .help = "Allow questions and editors; default: standard output is a terminal" },
    { OPT_AT(BOOL, struct global_opts, yes), .letter = 'y', .name = "yes",
      .help = "Ask nothing, the same as --tty=false" },
    { OPT_AT(BOOL, struct global_opts, help), .letter = 'h', .name = "help", .help = "Show this help" },
    { OPT_AT(BOOL, struct global_opts, version), .letter = 'v', .name = "version",
      .help = "Show the version" },
};
const size_t n_root_opts = COUNT(global_opt_rows);
const size_t n_global_opts = COUNT(global_opt_rows) - 1; /* --version is for the root only */

const struct verb *verb_find(const struct verb *const *subs, const char *name)
{
    for (; subs && *subs; subs++) {
        if (strcmp((*subs)->name, name) == 0)
            return *subs;
        for (const char *const *alias = (*subs)->aliases; alias && *alias; alias++)
            if (strcmp(*alias, name) == 0)
                return *subs;
    }
    return NULL;
}

static bool is_near(const char *known, const char *typed)
{
    return word_distance(known, typed) <= 2 || strncasecmp(known, typed, strlen(typed)) == 0 ||
           (strcmp(known, "shell") == 0 && strcmp(typed, "ssh") == 0);
}

bool verb_unknown(const struct verb *const *subs, const char *parent, const char *name,
                  struct err **errp)
{
    auto_sb struct sb near = { 0 };
    auto_sb struct sb quoted = { 0 };

    for (; subs && *subs; subs++)
        if ((*subs)->group != VERB_HIDDEN && is_near((*subs)->name, name))
            sb_putf(&near, "\t%s\n", (*subs)->name);
    quote_go(&quoted, sv_of(name));
    return err_set(errp, ERR_INVALID, "unknown command %s for \"%s\"%s%s", sb_str(&quoted), parent,
                   near.n > 0 ? "\n\nDid you mean this?\n" : "", sb_str(&near));
}

char *verb_use_line(const struct verb *verb, const char *path)
{
    bool has_flags = verb->args && strstr(verb->args, "[flags]");

    return mem_printf("%s%s%s%s", path, verb->args ? " " : "", verb->args ? verb->args : "",
                      has_flags ? "" : " [flags]");
}

bool verb_check_count(const struct verb *verb, const char *path, const struct strv *args,
                      struct err **errp)
{
    size_t min = (size_t)verb->args_min;
    bool too_few = args->n < min;
    bool too_many = verb->args_max != ARGS_ANY && args->n > (size_t)verb->args_max;

    if (!too_few && !too_many)
        return true;

    auto_mem char *use = verb_use_line(verb, path);
    auto_mem char *reason = NULL;

    if (verb->args_max == 0)
        reason = mem_printf("unknown command \"%s\" for \"%s\"", args->v[0], path);
    else if (verb->args_min == verb->args_max)
        reason = mem_printf("accepts %d arg(s), received %zu", verb->args_max, args->n);
    else if (verb->args_max == ARGS_ANY)
        reason = mem_printf("requires at least %d arg(s), only received %zu", verb->args_min, args->n);
    else if (verb->args_min == 0)
        reason = mem_printf("accepts at most %d arg(s), received %zu", verb->args_max, args->n);
    else
        reason = mem_printf("accepts between %d and %d arg(s), received %zu", verb->args_min,
                            verb->args_max, args->n);
    return err_set(errp, ERR_INVALID, "`%s` %s.\nSee `%s --help`.\n\nUsage:  %s\n\n%s", path, reason,
                   path, use, verb->summary);
}

size_t verb_opt_sets(const struct verb *verb, void *opts, struct opt_set *sets)
{
    size_t n = 0;

    for (; n < VERB_OPT_SETS && verb->opts[n].n > 0; n++)
        sets[n] = (struct opt_set){ verb->opts[n].opts, verb->opts[n].n,
                                    opts ? (char *)opts + verb->opts[n].offset : NULL };
    return n;
}
