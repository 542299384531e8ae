/*
 * From the argument of create and start to a new instance (reference: cli sections 4.2, 4.3, 5.1).
 */
#ifndef PROG_LIMACTL_NEW_INSTANCE_H
#define PROG_LIMACTL_NEW_INSTANCE_H

#include "model/store/store.h"
#include "prog/limactl/edit_flags.h"
#include "prog/limactl/template_source.h"
#include "prog/limactl/term_progress.h"
#include "prog/limactl/verb.h"

/* Options of create, and the first members of those of start. */
struct new_instance_opts {
    struct create_opts create;
    struct edit_opts edit;
};

/* What the argument means. */
struct new_instance {
    char *name;
    bool by_name; /* the argument was the name of an instance, or absent */
    struct template tmpl; /* read, unless by_name */
};
void new_instance_done(struct new_instance *what);
#define auto_new_instance AUTO_CALL(new_instance_done)

/* Handles --list-templates and --list-drivers; *out_done says that nothing is left to do. */
bool new_instance_lists(const struct store *store, const struct create_opts *opts, bool *out_done,
                        struct err **errp) MUST_USE;
/* arg may be NULL. May turn ctx->tty off: the template comes from standard input. */
bool new_instance_resolve(struct ctx *ctx, const struct store *store, const char *arg,
                          const struct create_opts *opts, struct new_instance *out,
                          struct err **errp) MUST_USE;
/* Reads the template, applies the options, lets a person look at it, creates the directory. */
bool new_instance_create(struct ctx *ctx, const struct store *store, struct new_instance *what,
                         const struct new_instance_opts *opts, struct term_progress *progress,
                         struct err **errp) MUST_USE;

#endif
