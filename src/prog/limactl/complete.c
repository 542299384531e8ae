#include "prog/limactl/complete.h"

#include <stdio.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "prog/limactl/output.h"

#define REQUEST "__complete"
#define REQUEST_PLAIN "__completeNoDesc"

bool complete_is_request(const char *word)
{
    return strcmp(word, REQUEST) == 0 || strcmp(word, REQUEST_PLAIN) == 0;
}

/* Keeps the candidates that begin with what was typed. */
static void offer(struct strv *out, const char *typed, const char *value, const char *description)
{
    if (!str_starts(value, typed))
        return;
    if (description)
        strv_pushf(out, "%s\t%s", value, description);
    else
        strv_push(out, value);
}

static void offer_verbs(const struct verb *const *subs, const char *typed, struct strv *out)
{
    for (; *subs; subs++)
        if ((*subs)->group != VERB_HIDDEN)
            offer(out, typed, (*subs)->name, (*subs)->summary);
}

static void offer_options(const struct opt_set *sets, size_t n_sets, const char *typed,
                          struct strv *out)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            auto_mem char *name = mem_printf("--%s", sets[s].opts[i].name);

            if (!sets[s].opts[i].hidden)
                offer(out, typed, name, sets[s].opts[i].help);
        }
    }
}

static unsigned offer_values(const struct opt *opt, const char *typed, struct strv *out)
{
    static const char *const booleans[] = { "true", "false", NULL };
    const char *const *words = opt->kind == OPT_BOOL ? booleans : opt->words;

    if (!words)
        return 0; /* anything goes, file names for example */
    for (; *words; words++)
        offer(out, typed, *words, NULL);
    return COMPLETE_NO_FILES;
}

/* The row an option word names when its value is the next word. */
static const struct opt *value_follows(const struct opt_set *sets, size_t n_sets, const char *word)
{
    const struct opt *opt;

    if (strchr(word, '='))
        return NULL;
    if (word[1] == '-')
        opt = opt_find_long(sets, n_sets, sv_of(word + 2), NULL);
    else
        opt = opt_find_letter(sets, n_sets, word[strlen(word) - 1], NULL);
    return opt && opt->kind != OPT_BOOL ? opt : NULL;
}

static unsigned complete_positional(const struct verb *verb, const struct strv *before,
                                    const char *typed, struct strv *out)
{
    auto_strv struct strv candidates = { 0 };
    bool full = verb->args_max != ARGS_ANY && before->n >= (size_t)verb->args_max;

    if (!verb->complete)
        return verb->args_max == 0 ? COMPLETE_NO_FILES : 0;
    if (!full)
        verb->complete(before, &candidates);
    for (size_t i = 0; i < candidates.n; i++)
        if (str_starts(candidates.v[i], typed))
            strv_push(out, candidates.v[i]);
    return COMPLETE_NO_FILES;
}

unsigned complete_words(const struct strv *words, struct strv *out)
{
    struct opt_set sets[VERB_OPT_SETS + 1] = { { global_opt_rows, n_global_opts, NULL } };
    size_t n_sets = 1;
    auto_strv struct strv positionals = { 0 };
    const struct verb *const *subs = verb_table;
    const struct verb *verb = NULL;
    const struct opt *pending = NULL; /* its value is the word to complete */
    const char *typed = words->n > 0 ? words->v[words->n - 1] : "";
    bool options_ended = false;

    for (size_t i = 0; i + 1 < words->n; i++) {
        const char *word = words->v[i];

        pending = NULL;
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && word[0] == '-' && word[1]) {
            pending = value_follows(sets, n_sets, word);
            if (pending && i + 2 < words->n) {
                pending = NULL;
                i++;
            }
        } else if (subs) {
            verb = verb_find(subs, word);
            if (!verb)
                return COMPLETE_NO_FILES;
            subs = verb->subs;
            n_sets = 1 + verb_opt_sets(verb, NULL, sets + 1);
        } else {
            strv_push(&positionals, word);
            if (verb->flags & VERB_STOP_AT_POSITIONAL)
                options_ended = true;
        }
    }
    if (pending)
        return offer_values(pending, typed, out);
    if (!options_ended && typed[0] == '-') {
        const char *equals = strchr(typed, '=');

        if (typed[1] == '-' && equals) {
            struct sv name = { typed + 2, (size_t)(equals - typed) - 2 };
            const struct opt *opt = opt_find_long(sets, n_sets, name, NULL);

            return opt ? offer_values(opt, equals + 1, out) : 0;
        }
        offer_options(sets, n_sets, typed, out);
        return COMPLETE_NO_FILES;
    }
    if (subs) {
        offer_verbs(subs, typed, out);
        return COMPLETE_NO_FILES;
    }
    return complete_positional(verb, &positionals, typed, out);
}

bool complete_run(const struct strv *words)
{
    bool plain = strcmp(words->v[0], REQUEST_PLAIN) == 0;
    auto_strv struct strv line = { 0 };
    auto_strv struct strv candidates = { 0 };
    unsigned directive;

    for (size_t i = 1; i < words->n; i++)
        strv_push(&line, words->v[i]);
    directive = complete_words(&line, &candidates);
    for (size_t i = 0; i < candidates.n; i++) {
        char *tab = strchr(candidates.v[i], '\t');

        if (plain && tab)
            *tab = '\0';
        output_printf("%s\n", candidates.v[i]);
    }
    output_printf(":%u\n", directive);
    fprintf(stderr, "Completion ended with directive: %s\n",
            directive & COMPLETE_NO_FILES ? "ShellCompDirectiveNoFileComp"
                                          : "ShellCompDirectiveDefault");
    return true;
}
