#include "prog/limactl/list_table.h"

#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "prog/limactl/table.h"

enum column { NAME, STATUS, SSH, VMTYPE, ARCH, CPUS, MEMORY, DISK, DIR, N_COLUMNS };

static const char *const titles[N_COLUMNS] = { "NAME", "STATUS", "SSH",  "VMTYPE", "ARCH",
                                               "CPUS", "MEMORY", "DISK", "DIR" };

/* Width of a column on terminals, in tabs of 8: what a hidden column gains. */
#define WIDTH_ALL 96
#define WIDTH_COLUMN 8

static const char *vm_type_of(const struct instance *inst)
{
    return inst->has_config && inst->config.vm_type ? inst->config.vm_type : "";
}

static const char *arch_of(const struct instance *inst)
{
    return inst->has_config && inst->config.arch ? inst->config.arch : "";
}

static bool all_equal(const struct list_table *list, const char *(*get)(const struct instance *))
{
    for (size_t i = 1; i < list->n; i++)
        if (strcmp(get(list->insts[i]), get(list->insts[0])) != 0)
            return false;
    return true;
}

/* On a narrow terminal columns that tell nothing are left out, DIR last. */
static void hide_columns(const struct list_table *list, struct table *table)
{
    unsigned needed = WIDTH_ALL;

    if (list->all_fields || list->width == 0 || list->n == 0)
        return;
    if (list->width < needed && all_equal(list, vm_type_of)) {
        table_hide(table, VMTYPE);
        needed -= WIDTH_COLUMN;
    }
    if (list->width < needed && all_equal(list, arch_of) &&
        strcmp(arch_of(list->insts[0]), list->host_arch) == 0) {
        table_hide(table, ARCH);
        needed -= WIDTH_COLUMN;
    }
    if (list->width < needed)
        table_hide(table, DIR);
}

static void add_row(const struct list_table *list, const struct instance *inst, struct table *table)
{
    const struct instance_config *config = &inst->config;

    table_add(table, inst->name);
    table_add(table, inst_status_names[inst->status]);
    table_add_take(table, mem_printf("%s:%u", inst->ssh_address ? inst->ssh_address : "",
                                     inst->ssh_local_port));
    table_add(table, vm_type_of(inst));
    table_add(table, arch_of(inst));
    table_add_take(table, mem_printf("%lld", inst->has_config ? (long long)config->cpus.v : 0LL));
    table_add_take(table, size_format(inst->has_config ? config->memory.bytes : 0));
    table_add_take(table, size_format(inst->has_config ? config->disk.bytes : 0));
    table_add_path(table, inst->dir, list->home);
}

void list_table_put(const struct list_table *list, struct sb *out)
{
    auto_table struct table table = { .titles = titles, .n_columns = N_COLUMNS };

    for (size_t i = 0; i < list->n; i++)
        add_row(list, list->insts[i], &table);
    hide_columns(list, &table);
    table_put(&table, out);
}
