#include "svc/build/modules.h"

#include "base/mem.h"
#include "svc/build/cpio.h"
#include "svc/build/modinfo.h"
#include "wire/initrd.h"

struct module {
    char *elf;
    size_t size;
    struct strv needs;
};

static void module_free(void *value)
{
    struct module *module = value;

    free(module->elf);
    strv_done(&module->needs);
    free(module);
}

void module_set_done(struct module_set *set)
{
    map_done(&set->modules);
}

bool module_set_add(struct module_set *set, const char *file_name, struct sv elf,
                    struct err **errp)
{
    auto_mem char *name = modinfo_name_of(file_name);
    auto_strv struct strv needs = { 0 };

    if (!modinfo_depends(elf, &needs))
        return err_set(errp, ERR_INVALID, "%s: not a kernel module", file_name);

    struct module *module = mem_new(struct module);

    module->elf = mem_dup(elf.p, elf.n);
    module->size = elf.n;
    module->needs = needs;
    needs = (struct strv){ 0 };
    set->modules.free_value = module_free;
    map_set(&set->modules, name, module);
    return true;
}

/* Depth first; a module is marked before its needs are followed, so a cycle ends. */
static void visit(const struct module_set *set, const char *name, struct map *seen,
                  struct strv *out)
{
    const struct module *module = map_get(&set->modules, name);

    if (!module || map_has(seen, name))
        return;
    map_set(seen, name, NULL);
    for (size_t i = 0; i < module->needs.n; i++)
        visit(set, module->needs.v[i], seen, out);
    strv_push(out, name);
}

void module_set_order(const struct module_set *set, const char *const *wanted, struct strv *out)
{
    auto_map struct map seen = { 0 };

    for (; *wanted; wanted++)
        visit(set, *wanted, &seen, out);
}

void module_set_pack(const struct module_set *set, const struct strv *names, struct sb *out)
{
    static const char *const dirs[] = { "dev", "proc", "sys", "run", INITRD_SYSROOT,
                                        "lib", INITRD_MODULE_DIR };
    struct cpio cpio = { .out = *out };
    auto_sb struct sb list = { 0 };

    for (size_t i = 0; i < COUNT(dirs); i++)
        cpio_put_dir(&cpio, dirs[i], 0755);
    cpio_put_char_device(&cpio, "dev/console", 0600, 5, 1);
    for (size_t i = 0; i < names->n; i++) {
        const struct module *module = map_get(&set->modules, names->v[i]);
        auto_mem char *path = mem_printf("%s/%s.ko", INITRD_MODULE_DIR, names->v[i]);

        cpio_put_file(&cpio, path, 0644, (struct sv){ module->elf, module->size });
        sb_putf(&list, "%s.ko\n", names->v[i]);
    }
    cpio_put_file(&cpio, INITRD_MODULE_LIST, 0644, sb_view(&list));
    cpio_end(&cpio);
    *out = cpio.out;
}
