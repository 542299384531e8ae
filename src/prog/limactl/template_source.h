/*
 * Templates for new instances: where they are, their names, their text with all bases embedded. Binds
 * model/template to the store, to downloads and to the log.
 */
#ifndef PROG_LIMACTL_TEMPLATE_SOURCE_H
#define PROG_LIMACTL_TEMPLATE_SOURCE_H

#include "base/strv.h"
#include "model/store/store.h"

/* Visible template names, sorted. */
bool template_source_names(const struct store *store, struct strv *out, struct err **errp) MUST_USE;
/* The name an instance gets from a locator. Owned. */
bool template_source_instance_name(const struct store *store, const char *locator, char **out_name,
                                   struct err **errp) MUST_USE;
/* The text of a template, embedded; "-" reads standard input. Both owned. */
bool template_source_read(const struct store *store, const char *locator, char **out_text,
                          char **out_path, struct err **errp) MUST_USE;
/* Completion: "template:NAME" of all, and names of instances. */
void template_source_complete(const struct strv *before, struct strv *out);

#endif
