#include "instance/keep.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"

#include "unit_test.h"

static int set_up(void **state)
{
    char *home;

    if (!dir_make_temp("/tmp/test-keep-", &home, NULL))
        return -1;
    *state = home;
    return 0;
}

static int tear_down(void **state)
{
    bool ok = dir_remove_tree(*state, NULL);

    free(*state);
    return ok ? 0 : -1;
}

static char *make_dir(const char *home, const char *name)
{
    char *dir = path_join(home, name);

    assert_true(dir_make_all(dir, 0700, NULL));
    return dir;
}

static void put_file(const char *dir, const char *name)
{
    auto_mem char *path = path_join(dir, name);

    assert_true(file_write_atomic(path, SV("x"), 0600, NULL));
}

static char *entries(const char *dir)
{
    auto_strv struct strv names = { 0 };

    assert_true(dir_list(dir, &names, NULL));
    return strv_join(&names, " ");
}

static void removal_leaves_nothing(void **state)
{
    auto_mem char *dir = make_dir(*state, "x");
    auto_mem char *deep = make_dir(dir, "sock/deep");

    put_file(deep, "file");
    assert_true(keep_remove(dir, NULL));

    auto_mem char *left = entries(*state);

    assert_string_equal(left, "");
}

static void removal_of_nothing_is_an_error(void **state)
{
    auto_mem char *dir = path_join(*state, "x");
    auto_err struct err *err = NULL;

    assert_false(keep_remove(dir, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);

    auto_mem char *left = entries(*state);

    assert_string_equal(left, "");
}

static void sweep_finishes_only_what_nobody_works_on(void **state)
{
    auto_mem char *busy = NULL;
    auto_mem char *abandoned = NULL;
    auto_mem char *instance = make_dir(*state, "x");
    auto_fd int lock = -1;

    {
        auto_fd int lost = -1;

        assert_true(keep_new_dir(*state, &abandoned, &lost, NULL));
        put_file(abandoned, "file");
    }
    assert_true(keep_new_dir(*state, &busy, &lock, NULL));
    keep_sweep(*state);
    assert_false(file_exists(abandoned));
    assert_true(dir_exists(busy));
    assert_true(dir_exists(instance));
}

static void reset_keeps_the_configuration(void **state)
{
    static const char *const names[] = { "lima.yaml", "x.yml",    "lima-version", "protected",
                                         "disk",      "ssh.sock", "cidata.iso",   "vz-identifier" };

    for (size_t i = 0; i < COUNT(names); i++)
        put_file(*state, names[i]);
    auto_mem char *empty = make_dir(*state, "swtpm");

    assert_true(keep_reset(*state, NULL, NULL));

    auto_mem char *left = entries(*state);

    assert_string_equal(left, "lima-version lima.yaml protected vz-identifier x.yml");
}

static void protection_is_a_file(void **state)
{
    auto_mem char *path = path_join(*state, "protected");

    assert_true(keep_protect(*state, NULL));
    assert_true(file_exists(path));
    assert_true(keep_unprotect(*state, NULL));
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removal_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removal_of_nothing_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sweep_finishes_only_what_nobody_works_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_keeps_the_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(protection_is_a_file, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
