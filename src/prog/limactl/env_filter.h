/*
 * Which variables of the host's environment "shell --preserve-env" hands to the guest (reference: cli
 * section 7.5). Pure.
 */
#ifndef PROG_LIMACTL_ENV_FILTER_H
#define PROG_LIMACTL_ENV_FILTER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strv.h"

struct env_filter {
    struct strv block, allow; /* patterns; "*" matches any text */
};

/* Blocked when nothing else is said; NULL-terminated. */
extern const char *const env_filter_builtin[];

/* block: $LIMA_SHELLENV_BLOCK ("+a,b" extends the builtin list, "a,b" replaces it); allow:
 * $LIMA_SHELLENV_ALLOW. Either may be NULL. ERR_INVALID names a bad pattern. */
bool env_filter_init(struct env_filter *filter, const char *block, const char *allow,
                     struct err **errp) MUST_USE;
void env_filter_done(struct env_filter *filter);
#define auto_env_filter AUTO_CALL(env_filter_done)

bool env_filter_passes(const struct env_filter *filter, struct sv name);
/* Appends the entries NAME=VALUE that pass, in their order. */
void env_filter_apply(const struct env_filter *filter, char *const *entries, struct strv *out);

#endif
