#include "svc/image/prepare.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "svc/build/cpio.h"
#include "sys/dir.h"
#include "sys/file.h"

#include "unit_test.h"

static char *dir;      /* instance directory */
static char *image_a, *image_b;

static void write_file(const char *name, struct sv bytes, char **out_path)
{
    char *path = path_join(dir, name);

    assert_true(file_write_atomic(path, bytes, 0644, NULL));
    *out_path = path;
}

static int set_up(void **state)
{
    auto_mem char *disk = mem_alloc(1024);

    if (!dir_make_temp("/tmp/clima-test-prepare-", &dir, NULL))
        return -1;
    memcpy(disk + 510, "\x55\xaa", 2);
    disk[0] = 1;
    write_file("a.img", (struct sv){ disk, 1024 }, &image_a);
    disk[0] = 2;
    write_file("b.img", (struct sv){ disk, 1024 }, &image_b);
    return 0;
}

static int tear_down(void **state)
{
    bool ok = dir_remove_tree(dir, NULL);

    free(dir);
    free(image_a);
    free(image_b);
    return ok ? 0 : -1;
}

static bool prepare(const struct image_entry *entries, size_t n_entries, struct err **errp)
{
    struct image_prepare req = {
        .dir = dir, .arch = "x86_64", .entries = entries, .n_entries = n_entries,
        .cache_dir = dir, .home = dir,
    };

    return image_prepare(&req, errp);
}

static char first_byte(const char *name)
{
    auto_mem char *path = path_join(dir, name);
    auto_sb struct sb bytes = { 0 };

    assert_true(file_read_all(path, 4096, &bytes, NULL));
    return bytes.n > 0 ? bytes.p[0] : 0;
}

static bool has(const char *name)
{
    auto_mem char *path = path_join(dir, name);

    return file_exists(path);
}

static void the_first_entry_of_the_architecture_is_taken(void **state)
{
    struct image_entry entries[] = {
        { .image = { "/nowhere/arm.img", NULL }, .arch = "aarch64" },
        { .image = { image_b, NULL }, .arch = "x86_64" },
        { .image = { image_a, NULL }, .arch = "x86_64" },
    };

    assert_true(prepare(entries, 3, NULL));
    assert_int_equal(first_byte("image"), 2);
    assert_false(has("kernel"));
}

static void failures_fall_through_to_the_next(void **state)
{
    struct image_entry entries[] = {
        { .image = { "/nowhere/x.img", NULL }, .arch = "x86_64" },
        { .image = { image_a, "sha256:12" }, .arch = "x86_64" },
        { .image = { image_a, NULL }, .arch = "x86_64" },
    };

    assert_true(prepare(entries, 3, NULL));
    assert_int_equal(first_byte("image"), 1);
    assert_false(has("image.new"));
}

static void variants_are_not_mixed(void **state)
{
    struct image_entry entries[] = {
        { .image = { "/nowhere/minimal.img", NULL }, .arch = "x86_64", .variant = "minimal" },
        { .image = { image_a, NULL }, .arch = "x86_64", .variant = "server" },
    };
    auto_err struct err *err = NULL;

    assert_false(prepare(entries, 2, &err));
    assert_string_equal(err_text(err), "failed to open `/nowhere/minimal.img`: "
                                       "/nowhere/minimal.img does not exist");
    assert_false(has("image"));
}

static void all_reasons_are_given(void **state)
{
    struct image_entry entries[] = {
        { .image = { "/nowhere/x.img", NULL }, .arch = "x86_64" },
        { .image = { "/nowhere/y.img", NULL }, .arch = "x86_64" },
        { .image = { "/nowhere/z.img", NULL }, .arch = "riscv64" },
    };
    auto_err struct err *failed = NULL;
    auto_err struct err *skipped = NULL;
    auto_err struct err *none = NULL;

    assert_false(prepare(entries, 3, &failed));
    assert_string_equal(err_text(failed),
                        "failed to open `/nowhere/x.img`: /nowhere/x.img does not exist\n"
                        "failed to open `/nowhere/y.img`: /nowhere/y.img does not exist");
    assert_false(prepare(entries + 2, 1, &skipped));
    assert_string_equal(err_text(skipped), "[skipped to download: `/nowhere/z.img`: unsupported "
                                           "arch: `riscv64`]");
    assert_false(prepare(NULL, 0, &none));
    assert_true(str_starts(err_text(none), "no images are configured"));
}

static void kernel_and_command_line_come_along(void **state)
{
    struct image_entry entries[] = {
        { .image = { image_a, NULL }, .arch = "x86_64", .kernel = { image_b, NULL },
          .initrd = { image_b, NULL }, .cmdline = "root=/dev/vda1" },
    };
    auto_mem char *path = path_join(dir, "kernel.cmdline");
    auto_mem char *text = NULL;

    assert_true(prepare(entries, 1, NULL));
    assert_int_equal(first_byte("kernel"), 2);
    assert_int_equal(first_byte("initrd"), 2);
    assert_true(file_read_text(path, 100, &text, NULL));
    assert_string_equal(text, "root=/dev/vda1");
}

static void noise_needs_a_kernel(void **state)
{
    auto_mem char *noise = mem_alloc(3000);
    auto_mem char *path = NULL;
    auto_err struct err *err = NULL;

    for (size_t i = 0; i < 3000; i++)
        noise[i] = (char)(i * 7 + 3);
    write_file("noise.img", (struct sv){ noise, 3000 }, &path);

    struct image_entry entry = { .image = { path, NULL }, .arch = "x86_64" };

    assert_false(prepare(&entry, 1, &err));
    assert_non_null(strstr(err_text(err), "no boot sector, no partitions and no file system"));
    assert_false(has("image"));
    entry.kernel = (struct image_file){ image_b, NULL };
    assert_true(prepare(&entry, 1, NULL));
}

static void a_missing_kernel_fails_the_entry_whole(void **state)
{
    struct image_entry entries[] = {
        { .image = { image_a, NULL }, .arch = "x86_64", .kernel = { image_b, NULL },
          .initrd = { "/nowhere/initrd", NULL } },
    };

    assert_false(prepare(entries, 1, NULL));
    assert_false(has("kernel"));
    assert_false(has("image"));
}

static void a_web_page_is_no_image(void **state)
{
    auto_mem char *page = NULL;

    write_file("page.img", SV("<html>sorry</html>"), &page);
    struct image_entry entries[] = { { .image = { page, NULL }, .arch = "x86_64" } };
    auto_err struct err *err = NULL;

    assert_false(prepare(entries, 1, &err));
    assert_non_null(strstr(err_text(err), "not a disk image"));
    assert_false(has("image"));
    assert_false(has("image.new"));
}

static void an_existing_disk_leaves_nothing_to_do(void **state)
{
    struct image_entry entries[] = { { .image = { "/nowhere", NULL }, .arch = "x86_64" } };
    auto_mem char *disk = NULL;

    write_file("disk", SV("x"), &disk);
    assert_true(prepare(entries, 1, NULL));
    assert_true(prepare(NULL, 0, NULL));
}

static void the_agent_in_our_initramfs_is_exchanged(void **state)
{
    struct cpio cpio = { 0 };
    size_t modules_length;
    auto_mem char *initrd = NULL;
    auto_mem char *cmdline = NULL;
    auto_mem char *agent = NULL;
    auto_sb struct sb bytes = { 0 };

    cpio_put_file(&cpio, "lib/clima/modules", 0644, SV("a.ko\n"));
    cpio_end(&cpio);
    modules_length = cpio.out.n;
    cpio_put_file(&cpio, "init", 0755, SV("old agent"));
    cpio_end(&cpio);
    write_file("initrd", sb_view(&cpio.out), &initrd);
    write_file("agent", SV("new agent"), &agent);
    sb_done(&cpio.out);

    assert_true(image_refresh_initrd(dir, agent, NULL)); /* no command line: not ours */
    write_file("kernel.cmdline", SV("root=LABEL=clima-root clima.init rw"), &cmdline);
    assert_true(image_refresh_initrd(dir, agent, NULL));
    assert_true(file_read_all(initrd, 4096, &bytes, NULL));
    assert_null(memmem(bytes.p, bytes.n, "old agent", 9));
    assert_true((char *)memmem(bytes.p, bytes.n, "new agent", 9) > bytes.p + modules_length);
    assert_non_null(memmem(bytes.p, bytes.n, "a.ko\n", 5));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_entry_of_the_architecture_is_taken),
        CASE(failures_fall_through_to_the_next),
        CASE(variants_are_not_mixed),
        CASE(all_reasons_are_given),
        CASE(kernel_and_command_line_come_along),
        CASE(noise_needs_a_kernel),
        CASE(a_missing_kernel_fails_the_entry_whole),
        CASE(a_web_page_is_no_image),
        CASE(an_existing_disk_leaves_nothing_to_do),
        CASE(the_agent_in_our_initramfs_is_exchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
