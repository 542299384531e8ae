/*
 * Lets a person edit a text in an editor of theirs (reference: cli section 2.3).
 */
#ifndef PROG_LIMACTL_EDITOR_H
#define PROG_LIMACTL_EDITOR_H

#include "base/err.h"
#include "base/sv.h"

/* Opens the editor with header + text; *out_text is what was saved, without the header when it is
 * still in front. Owned. */
bool editor_run(const char *header, const char *text, char **out_text, struct err **errp) MUST_USE;

#endif
