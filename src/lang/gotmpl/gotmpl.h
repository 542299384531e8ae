/*
 * Go's text/template, as far as Lima's users meet it (reference: cli section 12, config section 8):
 * fields, chains, pipelines, variables, parentheses, comments, trim markers, if, with, range,
 * break, continue, define, template, block, and the standard functions but "call".
 *
 * Values are jansson's. A field of an object is its member of the same spelling unless a resolver
 * is given. Errors have Go's wording: "template: format:1:2: executing ...".
 *
 *     auto_gotmpl struct gotmpl *t = gotmpl_parse("format", sv_of(text), GOTMPL_LIST_FUNCS, errp);
 *     if (!t || !gotmpl_run(t, data, NULL, &out, errp))
 *         return false;
 */
#ifndef LANG_GOTMPL_GOTMPL_H
#define LANG_GOTMPL_GOTMPL_H

#include <jansson.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sb.h"
#include "base/sv.h"

struct gotmpl;

enum gotmpl_flags {
    GOTMPL_LIST_FUNCS = 1u << 0, /* also json, yaml, indent, missing ("list --format") */
};

/* name stands in messages. ERR_INVALID: "template: NAME:LINE: what". NULL on error. */
struct gotmpl *gotmpl_parse(const char *name, struct sv text, unsigned flags,
                            struct err **errp) MUST_USE;
void gotmpl_free(struct gotmpl *tmpl);
AUTO_DECLARE(struct gotmpl, gotmpl);
#define auto_gotmpl AUTO_CALL(gotmpl_auto)

/*
 * How fields of objects are found. Without a resolver an object is a map: a missing member prints
 * as "<no value>".
 */
struct gotmpl_resolver {
    /* Returns the value (borrowed) of field name of object. NULL: there is none; then *out_type is
     * the name of the type that the error shall mention ("store.FormatData"), or stays NULL for a
     * map. */
    const json_t *(*field)(void *ctx, const json_t *object, const char *name,
                           const char **out_type);
    /* What the functions json and yaml write for a value (borrowed). NULL: the value itself. */
    const json_t *(*encoded)(void *ctx, const json_t *value);
    void *ctx; /* borrowed */
};

/* Appends the expansion. On error out has what was written before it. resolver may be NULL. Output
 * and work are limited; ERR_INVALID when a template exceeds them. */
bool gotmpl_run(const struct gotmpl *tmpl, const json_t *data,
                const struct gotmpl_resolver *resolver, struct sb *out, struct err **errp) MUST_USE;

#endif
