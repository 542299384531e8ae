/*
 * The table of "limactl list" (reference: cli section 6.4). Pure.
 */
#ifndef PROG_LIMACTL_LIST_TABLE_H
#define PROG_LIMACTL_LIST_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sb.h"
#include "model/store/inst_status.h"

struct list_table {
    const struct instance *const *insts;
    size_t n;
    const char *host_arch;
    const char *home; /* shown as "~" in paths; NULL = none */
    unsigned width;   /* of the terminal; 0 = no terminal: all columns */
    bool all_fields;
};

void list_table_put(const struct list_table *list, struct sb *out);

#endif
