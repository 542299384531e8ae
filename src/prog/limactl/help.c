#include "prog/limactl/help.h"

#include <string.h>

#include "base/enum.h"
#include "base/mem.h"
#include "prog/limactl/output.h"

static const char *const group_titles[] = { "Basic Commands", "Advanced Commands",
                                            "Additional Commands", "" };
ENUM_NAMES_MATCH(group_titles, VERB_GROUP_COUNT);

static const char *const kind_words[] = { "",      "string",   "int",    "uint16",
                                          "float", "duration", "strings", "stringArray" };
ENUM_NAMES_MATCH(kind_words, OPT_KIND_COUNT);

static void put_verbs(struct sb *out, const struct verb *const *verbs, enum verb_group group)
{
    size_t width = 0;

    for (const struct verb *const *v = verbs; *v; v++)
        if ((*v)->group == group && strlen((*v)->name) > width)
            width = strlen((*v)->name);
    if (width == 0)
        return;
    sb_putf(out, "\n%s:\n", group_titles[group]);
    for (const struct verb *const *v = verbs; *v; v++)
        if ((*v)->group == group)
            sb_putf(out, "  %-*s  %s\n", (int)width, (*v)->name, (*v)->summary);
}

/* "-f, --format string" */
static char *opt_usage(const struct opt *opt)
{
    auto_sb struct sb out = { 0 };

    if (opt->letter)
        sb_putf(&out, "-%c, --%s", opt->letter, opt->name);
    else
        sb_putf(&out, "    --%s", opt->name);
    if (opt->kind != OPT_BOOL)
        sb_putf(&out, " %s", opt->value ? opt->value : kind_words[opt->kind]);
    return sb_steal(&out);
}

static void put_opts(struct sb *out, const char *title, const struct opt *opts, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++) {
        auto_mem char *usage = opt_usage(&opts[i]);

        if (!opts[i].hidden && strlen(usage) > width)
            width = strlen(usage);
    }
    sb_putf(out, "\n%s:\n", title);
    for (size_t i = 0; i < n; i++) {
        auto_mem char *usage = opt_usage(&opts[i]);

        if (opts[i].hidden)
            continue;
        sb_putf(out, "  %-*s   %s", (int)width, usage, opts[i].help);
        if (opts[i].preset && opts[i].preset[0])
            sb_putf(out, " (default %s)", opts[i].preset);
        sb_putc(out, '\n');
    }
}

void help_root_text(struct sb *out)
{
    sb_puts(out,
            "Linux virtual machines, typically for containers\n"
            "\n"
            "Usage:\n"
            "  limactl [flags] COMMAND\n"
            "\n"
            "Examples:\n"
            "  Start the default instance, creating it when it does not exist:\n"
            "  $ limactl start\n"
            "\n"
            "  Open a shell in it:\n"
            "  $ lima\n"
            "\n"
            "  Create and start an instance from a template (`limactl start --list-templates`):\n"
            "  $ limactl start --name=dev template:debian-12\n"
            "\n"
            "  Look for what would keep an instance from starting:\n"
            "  $ limactl doctor\n");
    for (int group = VERB_BASIC; group < VERB_HIDDEN; group++)
        put_verbs(out, verb_table, (enum verb_group)group);
    put_opts(out, "Flags", global_opt_rows, n_root_opts);
    sb_puts(out, "\nUse \"limactl COMMAND --help\" for more about a command.\n");
}

void help_text(struct sb *out, const struct verb *verb, const char *path)
{
    auto_mem char *use = verb_use_line(verb, path);

    sb_putf(out, "%s\n", verb->summary);
    if (verb->details)
        sb_putf(out, "\n%s\n", verb->details);
    sb_putf(out, "\nUsage:\n  %s\n", use);
    if (verb->aliases) {
        sb_putf(out, "\nAliases:\n  %s", verb->name);
        for (const char *const *alias = verb->aliases; *alias; alias++)
            sb_putf(out, ", %s", *alias);
        sb_putc(out, '\n');
    }
    if (verb->example)
        sb_putf(out, "\nExamples:\n%s\n", verb->example);
    if (verb->subs) {
        for (int group = VERB_BASIC; group < VERB_HIDDEN; group++)
            put_verbs(out, verb->subs, (enum verb_group)group);
    }
    for (size_t i = 0; i < VERB_OPT_SETS && verb->opts[i].n > 0; i++)
        put_opts(out, verb->opts[i].title ? verb->opts[i].title : "Flags", verb->opts[i].opts,
                 verb->opts[i].n);
    put_opts(out, "Global Flags", global_opt_rows, n_global_opts);
}

void help_print_root(void)
{
    auto_sb struct sb out = { 0 };

    help_root_text(&out);
    output_put(sb_view(&out));
}

void help_print(const struct verb *verb, const char *path)
{
    auto_sb struct sb out = { 0 };

    help_text(&out, verb, path);
    output_put(sb_view(&out));
}
