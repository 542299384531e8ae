/*
 * Templates: the YAML text that an instance is made from, and the locators that name it (reference:
 * cli section 4.2, config sections 9 and 11).
 *
 * A locator is one of
 *     template:NAME           searched in the template directories
 *     http://... https://...  fetched
 *     file:///PATH, PATH      local file
 *     -                       standard input
 *     an image                URL, path or build: locator of a disk image; yields a generated text
 *
 * The program says how to fetch and to read: this folder reaches no network.
 */
#ifndef MODEL_TEMPLATE_TEMPLATE_H
#define MODEL_TEMPLATE_TEMPLATE_H

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"

#define TEMPLATE_MAX_BYTES ((size_t)4 << 20)

/* Appends the body of url to out, at most limit bytes. */
typedef bool template_fetch_fn(void *ctx, const char *url, size_t limit, struct sb *out,
                               struct err **errp);

struct template_env {
    struct strv dirs;         /* template directories in search order */
    const char *arch;         /* of the host; borrowed */
    const char *home;         /* what "~/" means; borrowed, NULL = nothing */
    int stdin_fd;             /* what "-" reads */
    template_fetch_fn *fetch; /* NULL: http and https are refused */
    void *fetch_ctx;          /* borrowed */
};

/* Search order: templates_path (LIMA_TEMPLATES_PATH, may be NULL or empty) alone, else
 * LIMA_HOME/_templates and PREFIX/share/lima/templates for each prefix. */
void template_env_init(struct template_env *env, const char *templates_path, const char *lima_home,
                       const struct strv *prefixes, const char *arch);
void template_env_done(struct template_env *env);
#define auto_template_env AUTO_CALL(template_env_done)

struct template
{
    char *locator;        /* in today's spelling, local paths absolute */
    char *name;           /* for the instance, derived from the locator; NULL = none (stdin) */
    char *text;           /* terminated; free of NUL bytes */
    struct strv warnings; /* lines for the log */
};
void template_done(struct template *tmpl);
#define auto_template AUTO_CALL(template_done)

/* Reads what the locator names. ERR_NOT_FOUND, ERR_INVALID and ERR_UNSUPPORTED are the user's.
 * The name may be no valid instance name: callers check it. */
bool template_read(const struct template_env *env, const char *locator, struct template *out,
                   struct err **errp) MUST_USE;

/* Names of all templates in the search path, sorted. */
void template_list(const struct template_env *env, struct strv *out);
/* The path of template:NAME; owned. ERR_NOT_FOUND, ERR_INVALID. */
char *template_find(const struct template_env *env, const char *name, struct err **errp) MUST_USE;

#endif
