/*
 * Text tables: columns are as wide as their longest cell plus four blanks; the last one is not padded
 * (reference: cli section 6.4). Widths count characters.
 */
#ifndef PROG_LIMACTL_TABLE_H
#define PROG_LIMACTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sb.h"
#include "base/strv.h"

struct table {
    const char *const *titles; /* n_columns; borrowed */
    size_t n_columns;
    struct strv cells; /* row by row */
    unsigned long hidden; /* bit i: column i is left out */
};

void table_add(struct table *table, const char *cell); /* the next cell, copied */
void table_add_take(struct table *table, char *take_cell);
/* With "~" for home, which may be NULL. */
void table_add_path(struct table *table, const char *path, const char *home);
void table_hide(struct table *table, size_t column);
void table_put(const struct table *table, struct sb *out); /* with the title line */
void table_done(struct table *table);
#define auto_table AUTO_CALL(table_done)

#endif
