#include "svc/image/probe.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/proc.h"

#include "unit_test.h"

static char *dir;

static int set_up(void **state)
{
    return dir_make_temp("/tmp/clima-test-probe-", &dir, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    bool ok = dir_remove_tree(dir, NULL);

    free(dir);
    return ok ? 0 : -1;
}

/* Runs qemu-img in the test's directory; skips the test where there is none. */
static void qemu_img(const char *first, ...)
{
    auto_cmd struct cmd cmd = { .cwd = dir, .out = CMD_TO_NULL };
    auto_mem char *program = NULL;
    va_list args;

    if (!proc_find_program("qemu-img", &program, NULL))
        skip();
    strv_push_list(&cmd.argv, program, first, NULL);
    va_start(args, first);
    for (const char *arg; (arg = va_arg(args, const char *));)
        strv_push(&cmd.argv, arg);
    va_end(args);
    assert_true(cmd_check(&cmd, NULL, NULL));
}

static bool check(const char *name, struct image_info *out, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return image_check_untrusted(fd, name, out, errp);
}

static void assert_refused(const char *name, const char *part)
{
    auto_err struct err *err = NULL;
    struct image_info info;

    assert_false(check(name, &info, &err));
    if (!strstr(err_text(err), part) || !strstr(err_text(err), name))
        fail_msg("\"%s\" does not say \"%s\" or not \"%s\"", err_text(err), part, name);
}

static void write_file(const char *name, struct sv bytes)
{
    auto_mem char *path = path_join(dir, name);

    assert_true(file_write_atomic(path, bytes, 0644, NULL));
}

static void formats_are_told_from_the_bytes(void **state)
{
    static const struct {
        const char *format;
        enum image_format expected;
    } cases[] = {
        { "qcow2", IMAGE_QCOW2 }, { "vmdk", IMAGE_VMDK }, { "vhdx", IMAGE_VHDX },
        { "vdi", IMAGE_VDI }, { "raw", IMAGE_RAW },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *path = path_join(dir, "x.img");
        struct image_info info;

        qemu_img("create", "-q", "-f", cases[i].format, "x.img", "20M", NULL);
        assert_true(image_probe_file(path, &info, NULL));
        check_row(info.format == cases[i].expected, cases[i].format);
        check_row(info.virtual_size == 0 || info.virtual_size == 20u << 20, cases[i].format);
        check_row(check("x.img", &info, NULL), cases[i].format);
    }
}

static void qcow2_with_other_files_is_refused(void **state)
{
    qemu_img("create", "-q", "-f", "raw", "base.img", "1M", NULL);
    qemu_img("create", "-q", "-f", "qcow2", "-b", "base.img", "-F", "raw", "backed.qcow2", NULL);
    qemu_img("create", "-q", "-f", "qcow2", "-o", "data_file=data.raw", "external.qcow2", "1M", NULL);
    assert_refused("backed.qcow2", "backing file");
    assert_refused("external.qcow2", "external data file");
}

static void compressed_and_extended_qcow2_passes(void **state)
{
    struct image_info info;
    auto_mem char *noise = mem_alloc(3u << 20);

    for (size_t i = 0; i < 3u << 20; i++)
        noise[i] = (char)(i * i >> 7);
    write_file("noise.raw", (struct sv){ noise, 3u << 20 });
    qemu_img("convert", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd", "noise.raw",
             "zstd.qcow2", NULL);
    qemu_img("convert", "-f", "raw", "-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k",
             "noise.raw", "extended.qcow2", NULL);
    assert_true(check("zstd.qcow2", &info, NULL));
    assert_true(check("extended.qcow2", &info, NULL));
}

static void cut_off_qcow2_is_noticed(void **state)
{
    auto_mem char *path = path_join(dir, "whole.qcow2");
    auto_mem char *noise = mem_alloc(3u << 20);
    uint64_t size;

    memset(noise, 'x', 3u << 20);
    write_file("noise.raw", (struct sv){ noise, 3u << 20 });
    qemu_img("convert", "-f", "raw", "-O", "qcow2", "noise.raw", "whole.qcow2", NULL);
    assert_true(file_size(path, &size, NULL));
    assert_int_equal(truncate(path, (off_t)(size / 2)), 0);
    assert_refused("whole.qcow2", "cut off");
    assert_int_equal(truncate(path, 60), 0);
    assert_refused("whole.qcow2", "cut off");
}

static void what_is_no_disk_is_named(void **state)
{
    char tar[1024] = "file";

    memcpy(tar + 257, "ustar", 5);
    tar[600] = 1;
    write_file("empty.img", SV(""));
    write_file("page.img", SV("<!DOCTYPE html><html>not found</html>\n"));
    write_file("tar.img", (struct sv){ tar, sizeof(tar) });
    write_file("zip.img", SV("PK\x03\x04\0\0"));
    write_file("gz.img", SV("\x1f\x8b\x08\0\0\0"));
    write_file("small.img", SV("\0\1\2"));
    assert_refused("empty.img", "is empty");
    assert_refused("page.img", "is a text");
    assert_refused("tar.img", "tar archive");
    assert_refused("zip.img", "zip archive");
    assert_refused("gz.img", "compressed twice");
    assert_refused("small.img", "too small");
}

static void what_firmware_boots_from_is_known(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        struct sv magic;
        bool bootable;
    } cases[] = {
        { "nothing", 0, { "", 0 }, false },
        { "random bytes", 0, { "\x91\x3c\x77", 3 }, false },
        { "boot sector", 510, { "\x55\xaa", 2 }, true },
        { "boot sector in the wrong place", 511, { "\x55\xaa", 2 }, false },
        { "GPT", 512, { "EFI PART", 8 }, true },
        { "GPT, large sectors", 4096, { "EFI PART", 8 }, true },
        { "s390x", 0, { "zIPL", 4 }, true },
        { "ext4", 1080, { "\x53\xef", 2 }, true },
        { "btrfs", 65600, { "_BHRfS_M", 8 }, true },
    };
    auto_mem char *path = path_join(dir, "x");
    char bytes[70000];

    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes + cases[i].at, cases[i].magic.p, cases[i].magic.n);
        write_file("x", (struct sv){ bytes, sizeof(bytes) });
        auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

        check_row(image_check_bootable(fd, "x", NULL) == cases[i].bootable, cases[i].what);
    }
}

static void packing_follows_the_magic_and_the_name_must_fit(void **state)
{
    auto_mem char *path = path_join(dir, "x");
    enum image_packing packing;

    write_file("x", SV("\xfd" "7zXZ\0rest"));
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(image_packing_of(fd, "http://x/image", &packing, NULL));
    assert_int_equal(packing, IMAGE_XZ);
    assert_true(image_packing_of(fd, "http://x/image.xz", &packing, NULL));
    assert_false(image_packing_of(fd, "http://x/image.gz", &packing, NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(formats_are_told_from_the_bytes),
        CASE(qcow2_with_other_files_is_refused),
        CASE(compressed_and_extended_qcow2_passes),
        CASE(cut_off_qcow2_is_noticed),
        CASE(what_is_no_disk_is_named),
        CASE(what_firmware_boots_from_is_known),
        CASE(packing_follows_the_magic_and_the_name_must_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
