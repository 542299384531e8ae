/* Which uses of a block device are seen, in recorded tables; and what this host refuses to open. */
#include "sys/blockdev.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static const char mountinfo[] =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 27 8:18 /sub /mnt/with\\040blank\\134 rw shared:5 master:2 - xfs /dev/sdb2 rw\n"
    "31 27 0:45 / /srv/btrfs rw - btrfs /dev/sdc1 rw,subvolid=5\n"
    "32 27 0:46 / /cut rw -\n"
    "nonsense\n"
    "33 27 253:0 / /lv rw - ext4 /dev/mapper/vg-lv rw";
static const char swaps[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                            "/dev/sdd2                               partition\t1048572\t0\t-2\n";

static struct blockdev_parts one_part(dev_t dev, const char *name)
{
    struct blockdev_parts parts = { 0 };

    *vec_push(&parts) = (struct blockdev_part){ makedev(9, 9), mem_strdup("other") };
    *vec_push(&parts) = (struct blockdev_part){ dev, mem_strdup(name) };
    return parts;
}

static void mounts_are_found_by_number_or_source(void **state)
{
    static const struct {
        unsigned major, minor;
        const char *name, *point;
    } cases[] = {
        { 8, 1, "sda1", "/" },           { 8, 18, "sdb2", "/mnt/with blank\\" },
        { 8, 33, "sdc1", "/srv/btrfs" }, /* its own number is not in the table */
        { 8, 34, "sdc", NULL },          { 8, 16, "sdb", NULL },
        { 253, 0, "dm-0", "/lv" },       { 8, 2, "sda11", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_blockdev_parts struct blockdev_parts parts =
            one_part(makedev(cases[i].major, cases[i].minor), cases[i].name);
        auto_mem char *point = blockdev_find_mount(sv_of(mountinfo), &parts);

        check_row(str_eq(point, cases[i].point) || (!point && !cases[i].point), cases[i].name);
    }
}

static void swap_space_is_found_by_name(void **state)
{
    auto_blockdev_parts struct blockdev_parts swap = one_part(makedev(8, 50), "sdd2");
    auto_blockdev_parts struct blockdev_parts other = one_part(makedev(8, 49), "sdd1");

    assert_true(blockdev_is_swap(sv_of(swaps), &swap));
    assert_false(blockdev_is_swap(sv_of(swaps), &other));
    assert_false(blockdev_is_swap(SV(""), &swap));
}

static void paths_are_cleaned_and_below_dev(void **state)
{
    static const char *const good[] = { "/dev/sdb", "/dev/mapper/x", "/dev/disk/by-id/usb-a" };
    static const char *const bad[] = { "",          "sdb",         "dev/sdb",
                                       "/dev",      "/dev/",       "/dev/../etc/passwd",
                                       "/dev//sdb", "/dev/./sdb",  "/dev/sdb/",
                                       "/devx/sdb", "/etc/passwd", "//dev/sdb" };

    for (size_t i = 0; i < COUNT(good); i++)
        check_row(blockdev_path_check(good[i], NULL), good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        check_row(!blockdev_path_check(bad[i], NULL), bad[i]);
}

static void what_is_no_free_block_device_is_refused(void **state)
{
    static const struct {
        const char *path;
        enum err_kind kind;
    } cases[] = {
        { "/dev/null", ERR_INVALID },  { "/dev/clima-nosuch", ERR_NOT_FOUND },
        { "/dev/stdin", ERR_INVALID }, /* a link */
        { "/dev/pts", ERR_INVALID },   { "/etc/passwd", ERR_INVALID },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        int fd = -1;

        check_row(!blockdev_open(cases[i].path, &fd, &err), cases[i].path);
        check_row(err_kind(err) == cases[i].kind, err_text(err));
        check_row(!blockdev_check(cases[i].path, NULL), cases[i].path);
        assert_int_equal(fd, -1);
    }
}

static void put_loop(const char *name, const char *backing_file)
{
    auto_mem char *dir = mem_printf("%s/block/%s/loop", temp_dir, name);
    auto_mem char *file = path_join(dir, "backing_file");

    assert_true(dir_make_all(dir, 0755, NULL));
    assert_true(file_write_atomic(file, sv_of(backing_file), 0644, NULL));
}

static void a_loop_device_is_found_by_its_file(void **state)
{
    static const struct {
        const char *path, *device;
    } cases[] = {
        { "/srv/a b.img", "/dev/loop7" }, { "/srv/a", NULL }, { "/srv/gone.img", NULL },
        { "/srv/other.img", NULL },       { "", NULL },
    };
    auto_mem char *block_dir = temp_path("block");

    put_loop("loop0", "/srv/gone.img (deleted)\n");
    put_loop("loop7", "/srv/a b.img\n");
    put_loop("sda", "/srv/other.img\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *found = blockdev_find_loop(block_dir, cases[i].path);

        check_row(cases[i].device ? found && str_eq(found, cases[i].device) : !found, cases[i].path);
    }
    assert_null(blockdev_find_loop("/nosuch", "/srv/a b.img"));
}

static void other_descriptors_are_not_the_device(void **state)
{
    int pipe_fds[2];

    assert_int_equal(pipe(pipe_fds), 0);
    assert_false(blockdev_is(pipe_fds[0], "/dev/null"));
    assert_false(blockdev_is(-1, "/dev/clima-nosuch"));
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_found_by_number_or_source),
        cmocka_unit_test(swap_space_is_found_by_name),
        cmocka_unit_test(paths_are_cleaned_and_below_dev),
        cmocka_unit_test(what_is_no_free_block_device_is_refused),
        cmocka_unit_test_setup_teardown(a_loop_device_is_found_by_its_file, temp_dir_setup,
                                        temp_dir_teardown),
        cmocka_unit_test(other_descriptors_are_not_the_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
