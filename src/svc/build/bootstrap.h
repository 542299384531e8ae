/*
 * A run of mmdebstrap: it makes a tree out of packages and runs the recipe's script on it, whose results
 * arrive as two streams. Nothing of it is left behind on this machine, however it ends.
 *
 *     b = bootstrap_new(&plan, errp);
 *     while (bootstrap_read(b, BOOTSTRAP_SYSTEM, ...) ...      until its end mark
 *     while (bootstrap_read(b, BOOTSTRAP_IMAGE, ...) ...       until end of stream
 *     ok = bootstrap_finish(b, errp);
 *     bootstrap_free(b);
 *
 * Reading also takes care of the log, the progress and of signals: SIGINT, SIGTERM and SIGHUP are blocked
 * from bootstrap_new() to bootstrap_free(); one that arrives ends the run (ERR_CANCELED).
 */
#ifndef SVC_BUILD_BOOTSTRAP_H
#define SVC_BUILD_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "svc/build/recipe.h"
#include "svc/fetch/progress.h"

struct bootstrap_plan {
    const struct recipe *recipe; /* all members are borrowed until bootstrap_free() */
    const struct recipe_arch *arch;
    const char *script;   /* text */
    const char *mirror;   /* NULL = none */
    const char *sources;  /* text for apt, used without a mirror; "" = mmdebstrap's default */
    const char *temp_dir; /* the run makes a directory of its own in it */
    const char *log_path; /* gets everything that the tools say */
    bool is_root;
    struct progress *progress;
};

/* Pure. */
void bootstrap_argv(const struct bootstrap_plan *plan, struct strv *out);

enum bootstrap_stream {
    BOOTSTRAP_SYSTEM, /* tar archive: manifest, kernel, modules */
    BOOTSTRAP_IMAGE,  /* root file system */
    BOOTSTRAP_STREAM_COUNT,
};

struct bootstrap;

struct bootstrap *bootstrap_new(const struct bootstrap_plan *plan, struct err **errp) MUST_USE;
/* *out_n is 0 at the end. */
bool bootstrap_read(struct bootstrap *b, enum bootstrap_stream stream, void *out, size_t size,
                    size_t *out_n, struct err **errp) MUST_USE;
/* Waits for the end. ERR_CHILD with the reason that the tools gave. */
bool bootstrap_finish(struct bootstrap *b, struct err **errp) MUST_USE;
/* Ends the run if it is not finished, and removes what it left. */
void bootstrap_free(struct bootstrap *b);
AUTO_DECLARE(struct bootstrap, bootstrap);
#define auto_bootstrap AUTO_CALL(bootstrap_auto)

#endif
