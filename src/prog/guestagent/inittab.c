#include "prog/guestagent/inittab.h"

#include "base/quote.h"

void inittab_parse(struct sv text, struct inittab *out)
{
    *out = (struct inittab){ 0 };
    for (struct sv line; sv_next_line(&text, &line);) {
        struct sv rest = sv_trim(line), id, levels, action;
        struct strv argv = { 0 };

        if (sv_starts(rest, SV("#")) || !sv_next(&rest, ':', &id) ||
            !sv_next(&rest, ':', &levels) || !sv_next(&rest, ':', &action) ||
            !sv_eq(action, SV("respawn")))
            continue;
        /* busybox marks programs that want a terminal with a dash */
        if (sv_starts(rest, SV("-")))
            rest = sv_slice(rest, 1, rest.n);
        if (quote_shell_split(rest, &argv, NULL) && argv.n > 0)
            *vec_push(&out->respawn) = argv;
        else
            strv_done(&argv);
    }
}

void inittab_done(struct inittab *inittab)
{
    for (size_t i = 0; i < inittab->respawn.n; i++)
        strv_done(&inittab->respawn.v[i]);
    vec_done(&inittab->respawn);
}
