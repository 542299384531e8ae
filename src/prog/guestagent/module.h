/*
 * Kernel modules: those of the initramfs from a list, those of the running system by modprobe.
 */
#ifndef PROG_GUESTAGENT_MODULE_H
#define PROG_GUESTAGENT_MODULE_H

#include "base/err.h"
#include "base/strv.h"
#include "base/sv.h"

/* The names of a list: one a line, '#' begins a comment; names with a slash are left out. Pure. */
void module_parse_list(struct sv text, struct strv *out);

/* Loads what DIR/modules lists, in order. What fails is logged: it may be built in, or not needed.
 */
void module_load_list(const char *dir);

/* modprobe NAME, when there is a modprobe. */
bool module_probe(const char *name, struct err **errp) MUST_USE;

#endif
