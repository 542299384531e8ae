/*
 * Changing the text of a configuration: by expression, in an editor; what is rejected is saved.
 */
#ifndef PROG_LIMACTL_REWRITE_H
#define PROG_LIMACTL_REWRITE_H

#include "model/store/store.h"
#include "prog/limactl/edit_flags.h"

/* Applies the expression of the options to yaml; *out is the new text, owned. Without options it is
 * the same, byte by byte. path: where yaml is from, for messages; existing: name of the existing
 * instance, else NULL. */
bool rewrite_by_flags(const char *yaml, const char *path, const struct edit_opts *edit,
                      const struct create_opts *create, const char *existing,
                      const struct store *store, char **out, struct err **errp) MUST_USE;
/* Opens the editor; what default.yaml and override.yaml say is shown above as comments. */
bool rewrite_in_editor(const char *yaml, const struct store *store, const char *title, char **out,
                       struct err **errp) MUST_USE;
/* Saves yaml as lima.REJECTED.yaml in the current directory and says so in front of *errp. */
bool rewrite_reject(const char *yaml, struct err **errp);

#endif
