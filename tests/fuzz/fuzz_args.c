/*
 * The argument parser with every verb's tables: input lines are the words of a command line. Also the
 * completion engine, which walks the same tables.
 */
#include "fuzz.h"

#include <assert.h>

#include "base/mem.h"
#include "prog/limactl/complete.h"

static const struct verb *pick_verb(const struct strv *words)
{
    const struct verb *const *subs = verb_table;
    const struct verb *verb = NULL;

    for (size_t i = 0; i < words->n && subs; i++) {
        const struct verb *found = verb_find(subs, words->v[i]);

        if (!found)
            break;
        verb = found;
        subs = found->subs;
    }
    return verb;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_mem char *text = mem_strndup((const char *)data, size);
    auto_strv struct strv words = { 0 };
    auto_strv struct strv positionals = { 0 };
    auto_strv struct strv found = { 0 };
    struct global_opts global = { 0 };

    if (size > 4096)
        return 0;
    strv_split(&words, sv_of(text), '\n');
    (void)complete_words(&words, &found);

    const struct verb *verb = pick_verb(&words);
    auto_mem void *opts = mem_alloc(verb ? verb->opts_size : 0);
    struct opt_set sets[VERB_OPT_SETS + 1] = { { global_opt_rows, n_global_opts, &global } };
    size_t n_sets = 1 + (verb ? verb_opt_sets(verb, opts, sets + 1) : 0);
    auto_err struct err *err = NULL;

    if (!args_parse(sets, n_sets, verb ? verb->flags : 0, strv_array(&words), &positionals, &err))
        assert(err && err_text(err)[0]);
    else
        assert(positionals.n <= words.n);
    args_done(sets, n_sets);
    return 0;
}
