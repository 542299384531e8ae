#include "prog/hostagent/options.h"

#include <string.h>

#include "base/num.h"
#include "base/sv.h"

/* A flag has a value or is a switch; one of the two pointers is set. */
struct flag {
    const char *name;
    const char *letter; /* NULL = none */
    const char **value;
    bool *is_set;
};

static const struct flag *flag_find(const struct flag *flags, size_t n, struct sv word)
{
    for (size_t i = 0; i < n; i++)
        if (sv_eq_str(word, flags[i].name) || (flags[i].letter && sv_eq_str(word, flags[i].letter)))
            return &flags[i];
    return NULL;
}

/* "--name", "--name=value", "--name value". */
static bool flag_take(const struct flag *flags, size_t n, char *const **argv, struct err **errp)
{
    const char *equals = strchr(**argv, '=');
    struct sv word = equals ? (struct sv){ **argv, (size_t)(equals - **argv) } : sv_of(**argv);
    const struct flag *flag = flag_find(flags, n, word);

    if (!flag)
        return err_set(errp, ERR_INVALID, "unknown flag: %.*s", SV_ARG(word));
    if (flag->is_set) {
        *flag->is_set = true;
        if (equals && !parse_bool(sv_of(equals + 1), flag->is_set))
            return err_set(errp, ERR_INVALID, "%s: \"%s\" is neither true nor false", flag->name,
                           equals + 1);
        return true;
    }
    if (equals) {
        *flag->value = equals + 1;
        return true;
    }
    if (!(*argv)[1])
        return err_set(errp, ERR_INVALID, "flag needs an argument: %s", flag->name);
    *flag->value = *++*argv;
    return true;
}

bool options_parse(struct options *out, char *const *argv, struct err **errp)
{
    struct options opts = { 0 };
    const struct flag flags[] = {
        { .name = "--debug", .is_set = &opts.debug },
        { .name = "--pidfile", .letter = "-p", .value = &opts.pid_path },
        { .name = "--socket", .value = &opts.socket_path },
        { .name = "--run-gui", .is_set = &opts.run_gui },
        { .name = "--guestagent", .value = &opts.guest_agent },
        { .name = "--nerdctl-archive", .value = &opts.nerdctl_archive },
        { .name = "--progress", .is_set = &opts.progress },
    };
    bool only_names = false;

    for (argv++; *argv; argv++) {
        if (!only_names && strcmp(*argv, "--") == 0) {
            only_names = true;
        } else if (!only_names && **argv == '-') {
            if (!flag_take(flags, COUNT(flags), &argv, errp))
                return false;
        } else if (opts.name) {
            return err_set(errp, ERR_INVALID, "one instance is expected, not also \"%s\"", *argv);
        } else {
            opts.name = *argv;
        }
    }
    if (!opts.name)
        return err_set(errp, ERR_INVALID, "the name of an instance is expected");
    if (!opts.socket_path || !*opts.socket_path)
        return err_set(errp, ERR_INVALID, "socket must be specified (limactl version mismatch?)");
    if (opts.pid_path && !*opts.pid_path)
        opts.pid_path = NULL;
    *out = opts;
    return true;
}
