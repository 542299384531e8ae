/*
 * The verb table: one file verb_NAME.c and one descriptor per verb. Parsing, usage, help, completion
 * and the manual derive from it; the list of verbs is the word list in meson.build.
 *
 * Dispatch (main.c) zeroes the option structs, parses, checks the number of arguments, does what the
 * flags ask for, calls run() and prints its error once. A verb without run() is a group of
 * sub-verbs.
 */
#ifndef PROG_LIMACTL_VERB_H
#define PROG_LIMACTL_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "prog/limactl/args.h"

struct global_opts {
    struct arg_str log_level, log_format;
    struct arg_bool debug, tty, yes, help, version;
};

struct verb;

/* What a verb gets besides its options. */
struct ctx {
    const struct verb *verb;
    struct global_opts global;
    bool tty;        /* prompts and editors may be used */
    int exit_status; /* a child's status to end with; counts when run() succeeds */
};

enum verb_group { VERB_BASIC, VERB_ADVANCED, VERB_ADDITIONAL, VERB_HIDDEN, VERB_GROUP_COUNT };

enum verb_flag {
    VERB_STOP_AT_POSITIONAL = 1u << 0, /* what follows the first argument is not ours to parse */
    VERB_RAW = 1u << 1,                /* words are handed on unparsed */
    VERB_BARE = 1u << 2,               /* no check of the environment: must work anywhere */
};

#define ARGS_ANY (-1)

/* Option rows of a verb, with the place of their struct inside the verb's options. */
struct verb_opts {
    const char *title; /* heading in help; NULL = "Flags" */
    const struct opt *opts;
    size_t n;
    size_t offset;
};
#define VERB_OPT_SETS 4

/* Candidates for a positional, appended to *out as "value" or "value<TAB>description". before are
 * the positionals in front of the one in question. */
typedef void (*verb_complete_fn)(const struct strv *before, struct strv *out);

struct verb {
    const char *name;
    const char *const *aliases; /* NULL-terminated; may be NULL */
    enum verb_group group;
    const char *args;    /* usage of the positionals; NULL = none */
    const char *summary; /* one line, capital, no full stop */
    const char *details; /* further paragraphs, or NULL */
    const char *example; /* lines, or NULL */
    int args_min, args_max; /* args_max may be ARGS_ANY */
    unsigned flags;
    struct verb_opts opts[VERB_OPT_SETS]; /* ends with n == 0 */
    size_t opts_size;                     /* of the struct with all options */
    verb_complete_fn complete;
    const struct verb *const *subs; /* NULL-terminated; may be NULL */
    bool (*run)(struct ctx *ctx, void *opts, const struct strv *args, struct err **errp);
};

/* All verbs in the order of help; NULL-terminated. */
extern const struct verb *const verb_table[];
extern const struct opt global_opt_rows[];
extern const size_t n_global_opts; /* those of every verb */
extern const size_t n_root_opts;   /* those of limactl without a verb */

/* By name or alias among subs; NULL when unknown. */
const struct verb *verb_find(const struct verb *const *subs, const char *name);
/* "unknown command ..." with what may have been meant (reference: cli section 1.3). */
bool verb_unknown(const struct verb *const *subs, const char *parent, const char *name,
                  struct err **errp);
bool verb_check_count(const struct verb *verb, const char *path, const struct strv *args,
                      struct err **errp) MUST_USE;
/* "limactl stop [INSTANCE] [flags]": owned. path is "limactl stop". */
char *verb_use_line(const struct verb *verb, const char *path);
/* Fills sets (VERB_OPT_SETS of them) for options at opts; returns how many. */
size_t verb_opt_sets(const struct verb *verb, void *opts, struct opt_set *sets);

#endif
