/*
 * Instances as data: what --yq, --filter and Go templates of "limactl list" see and yield.
 */
#ifndef PROG_LIMACTL_LIST_DATA_H
#define PROG_LIMACTL_LIST_DATA_H

#include <jansson.h>

#include "base/sb.h"
#include "base/strv.h"
#include "lang/gotmpl/gotmpl.h"
#include "model/store/inst_status.h"

/* The object of cli section 6.5 without empty objects. A new reference. */
json_t *list_data(const struct instance *inst, const struct store *store);

/* Does every filter accept the instance? */
bool list_data_passes(const struct instance *inst, const struct store *store,
                      const struct strv *filters, bool *out, struct err **errp) MUST_USE;
/* The results of the expressions, one applied to the results of the other. A new array. */
bool list_data_eval(const json_t *value, const struct strv *expressions, json_t **out,
                    struct err **errp) MUST_USE;

/* Appends the expansion of a template for one instance. */
bool list_data_expand(const struct instance *inst, const struct store *store, const struct gotmpl *tmpl,
                      struct sb *out, struct err **errp) MUST_USE;

#endif
