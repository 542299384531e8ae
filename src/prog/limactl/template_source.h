/*
 * Templates for new instances. Binds model/template to the store, to downloads and to the log.
 */
#ifndef PROG_LIMACTL_TEMPLATE_SOURCE_H
#define PROG_LIMACTL_TEMPLATE_SOURCE_H

#include "base/strv.h"
#include "model/store/store.h"
#include "model/template/template.h"

/* Visible template names, sorted; ERR_NOT_FOUND when there is none. */
bool template_source_names(const struct store *store, struct strv *out, struct err **errp) MUST_USE;
/* Names and paths of all templates, hidden ones included, appended pairwise. */
void template_source_list(const struct store *store, struct strv *out_names, struct strv *out_paths);
/* template_read() with the search path of this installation; warnings go to the log. */
bool template_source_read(const struct store *store, const char *locator, struct template *out,
                          struct err **errp) MUST_USE;
/* Completion: "template:NAME" of all, and names of instances. */
void template_source_complete(const struct strv *before, struct strv *out);

#endif
