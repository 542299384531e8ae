#include "svc/build/modules.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "svc/build/cpio.h"
#include "svc/build/modinfo.h"

#include "unit_test.h"

/* An ELF file with the sections "", ".modinfo" and ".shstrtab". */
static void make_module(struct sb *out, struct sv info)
{
    static const char names[] = "\0.modinfo\0.shstrtab";
    Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
                        .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3, .e_shstrndx = 2 };
    Elf64_Shdr sections[3] = { 0 };

    head.e_shoff = sizeof(head) + info.n + sizeof(names);
    sections[1] = (Elf64_Shdr){ .sh_name = 1, .sh_offset = sizeof(head), .sh_size = info.n };
    sections[2] = (Elf64_Shdr){ .sh_name = 10, .sh_offset = sizeof(head) + info.n,
                                .sh_size = sizeof(names) };
    sb_put_mem(out, &head, sizeof(head));
    sb_put(out, info);
    sb_put_mem(out, names, sizeof(names));
    sb_put_mem(out, sections, sizeof(sections));
}

static void add(struct module_set *set, const char *file_name, struct sv info)
{
    auto_sb struct sb elf = { 0 };

    make_module(&elf, info);
    assert_true(module_set_add(set, file_name, sb_view(&elf), NULL));
}

static void depends_and_soft_dependencies_are_read(void **state)
{
    auto_sb struct sb elf = { 0 };
    auto_strv struct strv needs = { 0 };

    make_module(&elf, SV("license=GPL\0softdep=pre: crc32c-intel post: later\0depends=virtio,virtio-ring\0"));
    assert_true(modinfo_depends(sb_view(&elf), &needs));
    auto_mem char *list = strv_join(&needs, " ");

    assert_string_equal(list, "crc32c_intel virtio virtio_ring");
}

static void every_cut_of_a_module_is_refused_or_read(void **state)
{
    auto_sb struct sb elf = { 0 };

    make_module(&elf, SV("depends=virtio\0"));
    for (size_t n = 0; n < elf.n; n++) {
        auto_strv struct strv needs = { 0 };
        char *exact = mem_dup(elf.p, n); /* so that a sanitizer sees reads behind the end */

        assert_false(modinfo_depends((struct sv){ exact, n }, &needs));
        free(exact);
    }
}

static void modules_follow_what_they_need(void **state)
{
    static const char *const wanted[] = { "virtio_net", "not_a_module", "virtio_blk", NULL };
    auto_module_set struct module_set set = { 0 };
    auto_strv struct strv order = { 0 };

    add(&set, "virtio-net.ko.xz", SV("depends=net-failover,virtio\0"));
    add(&set, "net_failover.ko", SV("depends=failover\0"));
    add(&set, "failover.ko", SV("depends=\0"));
    add(&set, "virtio.ko", SV("depends=\0"));
    add(&set, "virtio_blk.ko", SV("depends=virtio\0"));
    add(&set, "unwanted.ko", SV("depends=virtio\0"));
    module_set_order(&set, wanted, &order);
    auto_mem char *list = strv_join(&order, " ");

    assert_string_equal(list, "failover net_failover virtio virtio_net virtio_blk");
}

static void a_circle_of_modules_ends(void **state)
{
    static const char *const wanted[] = { "a", NULL };
    auto_module_set struct module_set set = { 0 };
    auto_strv struct strv order = { 0 };

    add(&set, "a.ko", SV("depends=b\0"));
    add(&set, "b.ko", SV("depends=a\0"));
    module_set_order(&set, wanted, &order);
    assert_int_equal(order.n, 2);
}

static void the_archive_lists_modules_in_order(void **state)
{
    auto_module_set struct module_set set = { 0 };
    auto_strv struct strv names = { 0 };
    auto_sb struct sb packed = { 0 };
    size_t length;

    add(&set, "b.ko", SV("depends=\0"));
    add(&set, "a.ko", SV("depends=b\0"));
    strv_push_list(&names, "b", "a", NULL);
    module_set_pack(&set, &names, &packed);
    assert_true(cpio_length(sb_view(&packed), &length));
    assert_int_equal(length, packed.n);
    assert_non_null(memmem(packed.p, packed.n, "lib/clima/a.ko", 15));
    assert_non_null(memmem(packed.p, packed.n, "\0b.ko\na.ko\n", 11));
}

static void what_is_no_module_is_refused(void **state)
{
    auto_module_set struct module_set set = { 0 };
    auto_err struct err *err = NULL;

    assert_false(module_set_add(&set, "x.ko", SV("#!/bin/sh"), &err));
    assert_string_equal(err_text(err), "x.ko: not a kernel module");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depends_and_soft_dependencies_are_read),
        cmocka_unit_test(every_cut_of_a_module_is_refused_or_read),
        cmocka_unit_test(modules_follow_what_they_need),
        cmocka_unit_test(a_circle_of_modules_ends),
        cmocka_unit_test(the_archive_lists_modules_in_order),
        cmocka_unit_test(what_is_no_module_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
