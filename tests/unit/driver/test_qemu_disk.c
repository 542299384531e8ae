/* Disks in a scratch directory. What needs qemu-img is skipped where it is missing. */
#include "driver/qemu/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/qemu/disk_legacy.h"
#include "svc/image/probe.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "temp_dir.h"
#include "unit_test.h"

#define MIB (1024ull * 1024)

struct fixture {
    char *dir;
    struct driver_instance inst;
    struct strv notes;
};

static void on_note(void *arg, enum log_level level, const char *text)
{
    struct fixture *f = arg;

    strv_push(&f->notes, text);
}

static void set_up(struct fixture *f, const char *name)
{
    memset(f, 0, sizeof(*f));
    f->dir = temp_path(name);
    f->inst =
        (struct driver_instance){ .name = "x", .dir = f->dir, .on_note = on_note, .note_arg = f };
    assert_true(dir_make(f->dir, 0700, NULL));
}

static void tear_down(struct fixture *f)
{
    strv_done(&f->notes);
    free(f->dir);
}

static char *path_in(const struct fixture *f, const char *name)
{
    return path_join(f->dir, name);
}

static bool has(const struct fixture *f, const char *name)
{
    auto_mem char *path = path_in(f, name);

    return file_exists(path);
}

static void run_qemu_img(const char *command, const char *format, const char *path,
                         const char *last)
{
    auto_cmd struct cmd cmd = { .out = CMD_TO_NULL };
    auto_mem char *qemu_img = NULL;

    if (!proc_find_program("qemu-img", &qemu_img, NULL))
        skip();
    strv_push_list(&cmd.argv, qemu_img, command, "-q", "-f", format, NULL);
    if (str_starts(last, "-b"))
        strv_push_list(&cmd.argv, "-F", "qcow2", "-b", last + 2, path, NULL);
    else
        strv_push_list(&cmd.argv, path, last, NULL);
    assert_true(cmd_check(&cmd, NULL, NULL));
}

/* A raw image that looks like a disk: it has a boot sector. */
static void put_raw(const struct fixture *f, const char *name, uint64_t size)
{
    auto_mem char *path = path_in(f, name);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\x55\xaa", 2, 510), 2);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
}

static void put_iso(const struct fixture *f, const char *name)
{
    auto_mem char *path = path_in(f, name);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd,
                            "\x01"
                            "CD001\x01",
                            7, 16 * 2048),
                     7);
    assert_int_equal(pwrite(fd,
                            "\xff"
                            "CD001\x01",
                            7, 17 * 2048),
                     7);
    assert_int_equal(ftruncate(fd, 64 * 2048), 0);
}

static uint64_t size_of(const struct fixture *f, const char *name)
{
    auto_mem char *path = path_in(f, name);
    struct image_info info;

    assert_true(image_probe_file(path, &info, NULL));
    return info.format == IMAGE_RAW ? info.file_size : info.virtual_size;
}

static void raw_image_becomes_the_disk_and_grows(void **state)
{
    struct fixture f;

    set_up(&f, "raw");
    put_raw(&f, "image", 2 * MIB);
    assert_true(qemu_disk_create(&f.inst, 3 * MIB + 1, NULL));
    assert_false(has(&f, "image"));
    assert_int_equal(size_of(&f, "disk"), 3 * MIB + 512);
    assert_int_equal(f.notes.n, 1);
    assert_string_equal(f.notes.v[0], "Resize instance x's disk from 2MiB to 3MiB");

    /* The next start finds nothing to do. */
    assert_true(qemu_disk_create(&f.inst, 3 * MIB + 1, NULL));
    assert_int_equal(f.notes.n, 1);
    tear_down(&f);
}

static void qcow2_image_keeps_its_format(void **state)
{
    struct fixture f;

    set_up(&f, "qcow2");
    auto_mem char *image = path_in(&f, "image");
    auto_mem char *disk = path_in(&f, "disk");
    struct qemu_disk got = { 0 };

    run_qemu_img("create", "qcow2", image, "2M");
    assert_true(qemu_disk_create(&f.inst, 5 * MIB, NULL));
    assert_int_equal(size_of(&f, "disk"), 5 * MIB);
    assert_true(qemu_disk_examine(disk, f.dir, &got, NULL));
    assert_string_equal(got.format, "qcow2");
    assert_string_equal(got.path, disk);
    free(got.path);
    free(got.format);
    tear_down(&f);
}

static void shrinking_is_refused_with_a_way_out(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    set_up(&f, "shrink");
    put_raw(&f, "image", 2 * MIB);
    assert_false(qemu_disk_create(&f.inst, MIB, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_string_equal(err_text(err), "disk shrinking is not supported (2MiB --> 1MiB)");
    assert_non_null(err_hint_text(err));
    assert_int_equal(size_of(&f, "disk"), 2 * MIB);
    tear_down(&f);
}

static void iso_image_gets_an_empty_disk_beside_it(void **state)
{
    struct fixture f;
    auto_mem char *qemu_img = NULL;

    if (!proc_find_program("qemu-img", &qemu_img, NULL))
        skip();
    set_up(&f, "iso");
    put_iso(&f, "image");
    assert_true(qemu_disk_create(&f.inst, 4 * MIB, NULL));
    assert_true(has(&f, "iso"));
    assert_false(has(&f, "image"));
    assert_false(has(&f, "disk.tmp"));
    assert_int_equal(size_of(&f, "disk"), 4 * MIB);
    tear_down(&f);
}

static void nothing_to_make_a_disk_of_is_an_error(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL;

    set_up(&f, "nothing");
    assert_false(qemu_disk_create(&f.inst, MIB, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    tear_down(&f);
}

static void image_with_a_backing_file_is_refused(void **state)
{
    struct fixture f;
    auto_err struct err *err = NULL, *late = NULL;

    set_up(&f, "backing");
    auto_mem char *secret = path_in(&f, "secret");
    auto_mem char *image = path_in(&f, "image");
    auto_mem char *disk = path_in(&f, "disk");
    auto_mem char *backing = mem_printf("-b%s", secret);
    struct qemu_disk got;

    run_qemu_img("create", "qcow2", secret, "1M");
    run_qemu_img("create", "qcow2", image, backing);
    assert_false(qemu_disk_create(&f.inst, MIB, &err));
    assert_true(has(&f, "image"));
    assert_false(has(&f, "disk"));

    /* A guest that writes such a header into its raw disk gets no further. */
    assert_true(file_rename(image, disk, NULL));
    assert_false(qemu_disk_examine(disk, f.dir, &got, &late));
    tear_down(&f);
}

static void old_instances_are_linked_and_keep_their_base(void **state)
{
    struct fixture f;

    set_up(&f, "legacy");
    auto_mem char *base = path_in(&f, "basedisk");
    auto_mem char *diff = path_in(&f, "diffdisk");
    auto_mem char *disk = path_in(&f, "disk");
    auto_mem char *backing = mem_printf("-b%s", base);
    struct qemu_disk got = { 0 };

    run_qemu_img("create", "qcow2", base, "1M");
    run_qemu_img("create", "qcow2", diff, backing);
    assert_true(qemu_disk_create(&f.inst, MIB, NULL));
    assert_true(has(&f, "diffdisk"));
    assert_true(qemu_disk_is_legacy(disk, f.dir));
    assert_true(qemu_disk_examine(disk, f.dir, &got, NULL));
    free(got.path);
    free(got.format);

    /* The same disk in another directory refers to a file that is not its own base. */
    assert_false(qemu_disk_is_legacy(disk, temp_dir));
    tear_down(&f);
}

static void old_iso_instances_are_linked_too(void **state)
{
    struct fixture f;
    char target[64] = { 0 };

    set_up(&f, "legacy-iso");
    auto_mem char *iso = path_in(&f, "iso");

    put_iso(&f, "basedisk");
    put_raw(&f, "diffdisk", MIB);
    assert_true(qemu_disk_create(&f.inst, MIB, NULL));
    assert_true(readlink(iso, target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "basedisk");
    assert_true(has(&f, "disk"));
    tear_down(&f);
}

static void backing_name_is_read_from_sound_headers_only(void **state)
{
    char head[256] = "QFI\xfb\0\0\0\x03";
    char *name = NULL;

    head[8 + 7] = 112; /* backing file name: offset, length */
    head[16 + 3] = 5;
    memcpy(head + 112, "hello", 5);
    assert_true(qcow2_backing_name((struct sv){ head, sizeof(head) }, &name));
    assert_string_equal(name, "hello");
    free(name);
    name = NULL;
    assert_false(qcow2_backing_name((struct sv){ head, 116 }, &name)); /* cut off */
    assert_false(qcow2_backing_name((struct sv){ head, 103 }, &name));
    head[72 + 7] = 4; /* external data file */
    assert_false(qcow2_backing_name((struct sv){ head, sizeof(head) }, &name));
    head[72 + 7] = 0;
    head[7] = 9; /* version */
    assert_false(qcow2_backing_name((struct sv){ head, sizeof(head) }, &name));
    head[7] = 3;
    memset(head + 8, 0xff, 8);
    assert_false(qcow2_backing_name((struct sv){ head, sizeof(head) }, &name));
    memset(head + 8, 0, 8);
    assert_false(qcow2_backing_name((struct sv){ head, sizeof(head) }, &name));
    assert_null(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_image_becomes_the_disk_and_grows),
        cmocka_unit_test(qcow2_image_keeps_its_format),
        cmocka_unit_test(shrinking_is_refused_with_a_way_out),
        cmocka_unit_test(iso_image_gets_an_empty_disk_beside_it),
        cmocka_unit_test(nothing_to_make_a_disk_of_is_an_error),
        cmocka_unit_test(image_with_a_backing_file_is_refused),
        cmocka_unit_test(old_instances_are_linked_and_keep_their_base),
        cmocka_unit_test(old_iso_instances_are_linked_too),
        cmocka_unit_test(backing_name_is_read_from_sound_headers_only),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
