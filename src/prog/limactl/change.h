/*
 * Changing the configuration of an existing instance: checked as a whole before it replaces the old one.
 */
#ifndef PROG_LIMACTL_CHANGE_H
#define PROG_LIMACTL_CHANGE_H

#include "prog/limactl/edit_flags.h"
#include "prog/limactl/target.h"

/* Applies the options to lima.yaml, whatever the status: a running instance takes it up at its next
 * start. create may be NULL. Rejected text is saved (cli section 4.5). */
bool change_by_flags(const char *name, const struct edit_opts *edit, const struct create_opts *create,
                     struct err **errp) MUST_USE;
/* Replaces the configuration by yaml after all checks. */
bool change_to(const struct target *target, const char *yaml, struct err **errp) MUST_USE;
/* Reads lima.yaml; owned. */
bool change_read(const struct target *target, char **out_yaml, struct err **errp) MUST_USE;

#endif
