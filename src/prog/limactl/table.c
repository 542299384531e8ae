#include "prog/limactl/table.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"

#define GAP 4

void table_add(struct table *table, const char *cell)
{
    strv_push(&table->cells, cell);
}

void table_add_take(struct table *table, char *take_cell)
{
    strv_push_take(&table->cells, take_cell);
}

void table_add_path(struct table *table, const char *path, const char *home)
{
    if (home && home[0] && str_starts(path, home))
        table_add_take(table, mem_printf("~%s", path + strlen(home)));
    else
        table_add(table, path);
}

void table_hide(struct table *table, size_t column)
{
    assert(column < table->n_columns && column < sizeof(table->hidden) * 8);
    table->hidden |= 1UL << column;
}

static bool is_hidden(const struct table *table, size_t column)
{
    return table->hidden >> column & 1;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
    return row == 0 ? table->titles[column] : table->cells.v[(row - 1) * table->n_columns + column];
}

void table_put(const struct table *table, struct sb *out)
{
    size_t n_rows = 1 + table->cells.n / table->n_columns;
    auto_mem size_t *widths = mem_array(table->n_columns, sizeof(*widths));
    size_t last = 0;

    assert(table->cells.n % table->n_columns == 0);
    for (size_t c = 0; c < table->n_columns; c++) {
        if (!is_hidden(table, c))
            last = c;
        for (size_t r = 0; r < n_rows; r++) {
            size_t width = utf8_count(sv_of(cell_at(table, r, c)));

            if (width > widths[c])
                widths[c] = width;
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c <= last; c++) {
            const char *cell = cell_at(table, r, c);

            if (is_hidden(table, c))
                continue;
            sb_puts(out, cell);
            if (c == last)
                break;
            for (size_t n = utf8_count(sv_of(cell)); n < widths[c] + GAP; n++)
                sb_putc(out, ' ');
        }
        sb_putc(out, '\n');
    }
}

void table_done(struct table *table)
{
    strv_done(&table->cells);
}
