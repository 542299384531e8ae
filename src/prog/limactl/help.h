/*
 * Help on standard output, derived from the verb tables.
 */
#ifndef PROG_LIMACTL_HELP_H
#define PROG_LIMACTL_HELP_H

#include "base/sb.h"
#include "prog/limactl/verb.h"

void help_print_root(void);
/* path: "limactl disk create". */
void help_print(const struct verb *verb, const char *path);

/* The same as text, for tests and for usage on standard error. */
void help_root_text(struct sb *out);
void help_text(struct sb *out, const struct verb *verb, const char *path);

#endif
