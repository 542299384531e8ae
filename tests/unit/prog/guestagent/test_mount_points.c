#include "prog/guestagent/mount_points.h"

#include <fcntl.h>

#include "base/auto.h"
#include "sys/file.h"
#include "unit_test.h"

/* The share is 0:40, mounted privately and bound to /mnt/my share, of which a part is bound again.
 */
static const char *const mountinfo = "1 1 8:1 / / rw - ext4 /dev/sda rw\n"
                                     "20 1 0:40 / /run/lima-mounts/all/e rw - virtiofs none rw\n"
                                     "21 1 0:40 / /mnt/my\\040share rw - virtiofs none rw\n"
                                     "22 1 0:40 /deep /srv rw - virtiofs none rw\n"
                                     "30 21 0:50 / /mnt/my\\040share/a/b rw - tmpfs none rw\n"
                                     "31 22 0:51 / /srv/c rw - tmpfs none rw\n"
                                     "32 30 0:52 / /mnt/my\\040share/a/b/x rw - tmpfs none rw\n"
                                     "33 1 0:41 / /other rw - tmpfs none rw\n"
                                     "34 33 0:42 / /other/dir rw - tmpfs none rw\n"
                                     "a broken line\n";

static void mount_points_are_found_whichever_way_they_are_reached(void **state)
{
    static const struct {
        const char *path;
        bool found;
    } cases[] = {
        { "/a/b", true },    { "/a", true },        { "/deep/c", true }, { "/deep", true },
        { "/a/b/x", false }, { "/a/bb", false },    { "/c", false },     { "/dir", false },
        { "/d", false },     { "/deep/cc", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(mount_points_has(sv_of(mountinfo), 0, 40, cases[i].path) == cases[i].found,
                  cases[i].path);
}

static void other_devices_do_not_count(void **state)
{
    assert_false(mount_points_has(sv_of(mountinfo), 0, 43, "/a"));
    assert_true(mount_points_has(sv_of(mountinfo), 0, 41, "/dir"));
    assert_false(mount_points_has(SV(""), 0, 40, "/a"));
}

static void what_cannot_be_told_counts_as_one(void **state)
{
    auto_fd int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(mount_points_below(-1, "none", "/"));
    assert_true(mount_points_below(dev, "none", "/proc"));
}

static void mount_points_of_this_machine_are_found(void **state)
{
    auto_fd int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(mount_points_below(dev, "pts", "/dev"));
    assert_false(mount_points_below(dev, "pt", "/dev"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mount_points_are_found_whichever_way_they_are_reached),
        cmocka_unit_test(other_devices_do_not_count),
        cmocka_unit_test(what_cannot_be_told_counts_as_one),
        cmocka_unit_test(mount_points_of_this_machine_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
