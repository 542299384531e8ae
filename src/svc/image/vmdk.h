/*
 * VMDK files of others. Pure: looks at the descriptor, a text that may name further files.
 */
#ifndef SVC_IMAGE_VMDK_H
#define SVC_IMAGE_VMDK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

bool vmdk_is(struct sv bytes);
/* bytes is the start of the file. Refuses a descriptor of its own (its data lies in other files), more than
 * one extent, and a parent. */
bool vmdk_check(struct sv bytes, struct err **errp) MUST_USE;

#endif
