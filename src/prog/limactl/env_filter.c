#include "prog/limactl/env_filter.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"

const char *const env_filter_builtin[] = {
    "BASH*", "DISPLAY", "DYLD_*", "EUID", "FPATH", "GID",     "GROUP",      "HOME",   "HOSTNAME",
    "LD_*",  "LOGNAME", "OLDPWD", "PATH", "PWD",   "SHELL",   "SHLVL",      "SSH_*",  "TERM",
    "TERMINFO", "TMPDIR", "UID",  "USER", "XAUTHORITY", "XDG_*", "ZDOTDIR", "ZSH*",   "_*",
    NULL,
};

static bool check_pattern(const char *variable, struct sv pattern, struct err **errp)
{
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];

        if (isalnum((unsigned char)c) || c == '_' || c == '*')
            continue;

        auto_mem char *text = sv_dup(pattern);
        auto_mem char *shown = quote_tick_dup(text);
        char character[2] = { c, '\0' };
        auto_mem char *shown_character = quote_tick_dup(character);

        return err_set(errp, ERR_INVALID,
                       "Invalid %s pattern: pattern %s contains invalid character %s at position %zu",
                       variable, shown, shown_character, i);
    }
    return true;
}

static bool add_patterns(struct strv *out, const char *variable, const char *list, struct err **errp)
{
    struct sv rest = sv_of(list);
    struct sv part;

    while (sv_next(&rest, ',', &part)) {
        part = sv_trim(part);
        if (part.n == 0)
            continue;
        if (!check_pattern(variable, part, errp))
            return false;
        strv_push_sv(out, part);
    }
    return true;
}

bool env_filter_init(struct env_filter *filter, const char *block, const char *allow,
                     struct err **errp)
{
    bool extends = block && block[0] == '+';

    *filter = (struct env_filter){ 0 };
    if (!block || !block[0] || extends)
        for (const char *const *name = env_filter_builtin; *name; name++)
            strv_push(&filter->block, *name);
    if (add_patterns(&filter->block, "LIMA_SHELLENV_BLOCK", block ? block + extends : "", errp) &&
        add_patterns(&filter->allow, "LIMA_SHELLENV_ALLOW", allow ? allow : "", errp))
        return true;
    env_filter_done(filter);
    return false;
}

void env_filter_done(struct env_filter *filter)
{
    strv_done(&filter->block);
    strv_done(&filter->allow);
}

/* Glob with "*" only; linear in the product of the lengths. */
static bool matches(const char *pattern, struct sv name)
{
    const char *star = NULL;
    size_t i = 0, retry = 0;

    while (i < name.n) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = i;
        } else if (*pattern == name.p[i]) {
            pattern++;
            i++;
        } else if (star) {
            pattern = star;
            i = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool matches_any(const struct strv *patterns, struct sv name)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (matches(patterns->v[i], name))
            return true;
    return false;
}

bool env_filter_passes(const struct env_filter *filter, struct sv name)
{
    return matches_any(&filter->allow, name) || !matches_any(&filter->block, name);
}

void env_filter_apply(const struct env_filter *filter, char *const *entries, struct strv *out)
{
    for (; *entries; entries++) {
        const char *equals = strchr(*entries, '=');

        if (!equals || equals == *entries)
            continue;
        if (env_filter_passes(filter, (struct sv){ *entries, (size_t)(equals - *entries) }))
            strv_push(out, *entries);
    }
}
