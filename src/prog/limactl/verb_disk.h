/* Sub-verbs of "limactl disk" that need no running instance. */
#ifndef PROG_LIMACTL_VERB_DISK_H
#define PROG_LIMACTL_VERB_DISK_H

#include "prog/limactl/verb.h"

extern const struct verb verb_disk_create, verb_disk_delete, verb_disk_import, verb_disk_list,
    verb_disk_resize, verb_disk_unlock;

#endif
