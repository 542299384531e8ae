#include "model/store/disk.h"

#include "base/mem.h"
#include "model/store/names.h"

#include "store_fixture.h"
#include "unit_test.h"

static void disks_are_directories_with_good_names(void **state)
{
    auto_strv struct strv names = { 0 };
    auto_mem char *joined = NULL;

    assert_true(disk_list(&store, &names, NULL));
    assert_int_equal(names.n, 0);
    assert_true(store_write("_disks/two", NAME_DISK_DATA, ""));
    assert_true(store_write("_disks/one", NAME_DISK_DATA, ""));
    assert_true(store_write("_disks/.lock", "x", ""));
    assert_true(store_write("_disks", "file", ""));
    assert_true(disk_list(&store, &names, NULL));
    joined = strv_join(&names, " ");
    assert_string_equal(joined, "one two");
}

static void a_disk_is_found_by_name(void **state)
{
    auto_disk struct disk disk = { 0 };
    auto_err struct err *missing = NULL, *bad = NULL;
    auto_mem char *data = store_path(&store, "_disks/one/" NAME_DISK_DATA);

    assert_false(disk_find(&disk, &store, "one", &missing));
    assert_int_equal(err_kind(missing), ERR_NOT_FOUND);
    assert_false(disk_find(&disk, &store, "../one", &bad));
    assert_int_equal(err_kind(bad), ERR_INVALID);
    assert_true(store_write("_disks/one", NAME_DISK_DATA, ""));
    assert_true(disk_find(&disk, &store, "one", NULL));
    assert_string_equal(disk.data_path, data);
    assert_null(disk.instance_dir);
}

static void one_instance_has_a_disk_at_a_time(void **state)
{
    auto_disk struct disk disk = { 0 };
    auto_err struct err *err = NULL;

    assert_true(store_write("_disks/one", NAME_DISK_DATA, ""));
    assert_true(disk_find(&disk, &store, "one", NULL));
    assert_true(disk_lock(&disk, "/home/u/.lima/a", NULL));
    assert_true(disk_lock(&disk, "/home/u/.lima/a", NULL));
    assert_false(disk_lock(&disk, "/home/u/.lima/b", &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    assert_string_equal(err_text(err), "in use by instance `a`");

    disk_done(&disk);
    assert_true(disk_find(&disk, &store, "one", NULL));
    assert_string_equal(disk.instance_dir, "/home/u/.lima/a");
    assert_true(disk_unlock(&disk, NULL));
    assert_true(disk_unlock(&disk, NULL));
    assert_true(disk_lock(&disk, "/home/u/.lima/b", NULL));
}

static void all_disks_of_one_instance_are_freed(void **state)
{
    static const char *const users[] = { "/l/a", "/l/b", "/l/a", NULL };
    static const char *const names[] = { "d0", "d1", "d2", "d3" };

    assert_true(disk_unlock_all(&store, "/l/a", NULL)); /* there are none */
    for (size_t i = 0; i < COUNT(names); i++) {
        auto_mem char *dir = mem_printf("_disks/%s", names[i]);
        auto_disk struct disk disk = { 0 };

        assert_true(store_write(dir, NAME_DISK_DATA, ""));
        assert_true(disk_find(&disk, &store, names[i], NULL));
        assert_true(!users[i] || disk_lock(&disk, users[i], NULL));
    }
    assert_true(disk_unlock_all(&store, "/l/a", NULL));
    for (size_t i = 0; i < COUNT(names); i++) {
        auto_disk struct disk disk = { 0 };

        assert_true(disk_find(&disk, &store, names[i], NULL));
        check_row((disk.instance_dir != NULL) == (i == 1), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(disks_are_directories_with_good_names, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_disk_is_found_by_name, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(all_disks_of_one_instance_are_freed, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(one_instance_has_a_disk_at_a_time, store_setup,
                                        store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
