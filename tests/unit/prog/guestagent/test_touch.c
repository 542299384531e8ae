#include "prog/guestagent/touch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_dir.h"
#include "unit_test.h"

enum { SECONDS = 1700000000 };

static void make_file(const char *rel)
{
    auto_mem char *path = temp_path(rel);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

static bool touch(const char *rel)
{
    return touch_file(&(struct guest_msg){ .type = GUEST_TOUCH,
                                           .mount_point = sv_of(temp_dir),
                                           .data = sv_of(rel),
                                           .time_ns = SECONDS * 1000000000LL + 5 },
                      NULL);
}

static bool is_touched(const char *rel)
{
    auto_mem char *path = temp_path(rel);
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mtim.tv_sec == SECONDS && st.st_mtim.tv_nsec == 5 && st.st_atim.tv_sec == SECONDS;
}

static void files_and_folders_get_the_time(void **state)
{
    auto_mem char *dir = temp_path("dir");

    assert_int_equal(mkdir(dir, 0700), 0);
    make_file("dir/file");
    assert_true(touch("dir/file") && is_touched("dir/file"));
    assert_true(touch("dir") && is_touched("dir"));
    assert_true(touch("") && is_touched(""));
}

static void what_is_not_there_is_left(void **state)
{
    auto_mem char *path = temp_path("missing");

    assert_false(touch("missing"));
    assert_int_equal(access(path, F_OK), -1);
}

static void nothing_outside_is_reached(void **state)
{
    auto_mem char *sub = temp_path("sub");
    auto_mem char *link = temp_path("sub/link");

    make_file("outside");
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(symlink("../outside", link), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_false(touch_file(&(struct guest_msg){ .type = GUEST_TOUCH,
                                                     .mount_point = sv_of(sub),
                                                     .data = i ? SV("link/x") : SV("../outside"),
                                                     .time_ns = SECONDS * 1000000000LL + 5 },
                                NULL));
    assert_true(touch("sub/link")); /* the link's own */
    assert_false(is_touched("outside"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_get_the_time),
        cmocka_unit_test(what_is_not_there_is_left),
        cmocka_unit_test(nothing_outside_is_reached),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
