#include "model/store/inst_dir.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "model/store/names.h"

#include "store_fixture.h"
#include "unit_test.h"

static void names_are_identifiers_that_are_no_file_names(void **state)
{
    static const char *const good[] = { "default", "0", "a.b", "yaml", "a.yamlx" };
    static const struct {
        const char *name, *error;
    } bad[] = {
        { "x.yaml", "instance name `x.yaml` must not end with .yml or .yaml suffix" },
        { "x.YML", "instance name `x.YML` must not end with .yml or .yaml suffix" },
        { "x!", "instance name `x!` is not a valid identifier: identifier `x!` must match "
                "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$" },
        { "", "instance name `` is not a valid identifier: identifier must not be empty" },
        { "../x", "instance name `../x` is not a valid identifier: identifier `../x` must match "
                  "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$" },
    };

    for (size_t i = 0; i < COUNT(good); i++)
        check_row(inst_name_is_valid(good[i]), good[i]);
    for (size_t i = 0; i < COUNT(bad); i++) {
        auto_err struct err *err = NULL;

        check_row(!inst_name_check(bad[i].name, &err), bad[i].name);
        assert_string_equal(err_text(err), bad[i].error);
    }
}

static void only_directories_are_listed_in_byte_order(void **state)
{
    static const char *const dirs[] = { "b", "B", "a", "_config", ".hidden", "broken" };
    auto_mem char *file = store_path(&store, "file"), *link = store_path(&store, "link");
    auto_strv struct strv names = { 0 };
    auto_mem char *joined = NULL;

    for (size_t i = 0; i < COUNT(dirs); i++)
        assert_true(store_write(dirs[i], "x", ""));
    assert_true(file_write_atomic(file, SV(""), 0600, NULL));
    assert_int_equal(symlink(store.home, link), 0);
    assert_true(inst_list(&store, &names, NULL));
    joined = strv_join(&names, " ");
    assert_string_equal(joined, "B a b broken");
}

static void a_home_that_is_not_there_lists_nothing(void **state)
{
    auto_strv struct strv names = { 0 };

    assert_true(dir_remove_tree(store.home, NULL));
    assert_true(inst_list(&store, &names, NULL));
    assert_int_equal(names.n, 0);
    assert_true(dir_make(store.home, 0700, NULL));
}

static void create_writes_both_files_once(void **state)
{
    auto_mem char *dir = inst_dir(&store, "new"), *yaml = inst_path(&store, "new", NAME_LIMA_YAML);
    auto_mem char *version = inst_path(&store, "new", NAME_LIMA_VERSION), *text = NULL;
    auto_err struct err *err = NULL;
    struct stat st;

    assert_false(inst_exists(&store, "new"));
    assert_true(inst_dir_create(&store, "new", SV("cpus: 1\n"), NULL));
    assert_true(inst_exists(&store, "new"));
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(yaml, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(stat(version, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0444);
    assert_true(file_read_text(version, 100, &text, NULL));
    assert_string_equal(text, LIMA_VERSION "+clima." CLIMA_VERSION);

    assert_false(inst_dir_create(&store, "new", SV("cpus: 2\n"), &err));
    assert_int_equal(err_kind(err), ERR_EXISTS);
    assert_non_null(strstr(err_text(err), "instance `new` already exists (`"));
}

static void create_leaves_nothing_when_it_fails(void **state)
{
    auto_mem char *dir = inst_dir(&store, "new"), *blocker = store_path(&store, NAME_CONFIG_DIR);

    /* _config cannot be made: a file is in its place */
    assert_true(file_write_atomic(blocker, SV(""), 0600, NULL));
    assert_false(inst_dir_create(&store, "new", SV(""), NULL));
    assert_false(file_exists(dir));
}

static void long_names_are_refused_where_sockets_would_not_fit(void **state)
{
    char name[77] = { 0 };
    auto_err struct err *err = NULL;

    memset(name, 'n', 76);
    assert_true(inst_dir_check_length(&store, "default", NULL));
    assert_false(inst_dir_check_length(&store, name, &err));
    assert_non_null(
        strstr(err_text(err), "must be less than UNIX_PATH_MAX=108 characters, but is "));
}

static void the_creator_counts_for_used_instances_only(void **state)
{
    auto_mem char *dir = inst_dir(&store, "i"), *none = NULL, *old = NULL, *known = NULL;

    assert_true(store_write("i", NAME_LIMA_YAML, ""));
    none = inst_dir_creator(dir);
    assert_null(none);
    assert_true(store_write("i", NAME_DISK, ""));
    old = inst_dir_creator(dir);
    assert_string_equal(old, "");
    assert_true(store_write("i", NAME_LIMA_VERSION, "v1.2.3\n"));
    known = inst_dir_creator(dir);
    assert_string_equal(known, "v1.2.3");
}

static void protection_is_a_file(void **state)
{
    auto_mem char *dir = inst_dir(&store, "i");

    assert_true(store_write("i", NAME_LIMA_YAML, ""));
    assert_false(inst_dir_is_protected(dir));
    assert_true(store_write("i", NAME_PROTECTED, ""));
    assert_true(inst_dir_is_protected(dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_identifiers_that_are_no_file_names),
        cmocka_unit_test_setup_teardown(only_directories_are_listed_in_byte_order, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_home_that_is_not_there_lists_nothing, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(create_writes_both_files_once, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(create_leaves_nothing_when_it_fails, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(long_names_are_refused_where_sockets_would_not_fit,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(the_creator_counts_for_used_instances_only, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(protection_is_a_file, store_setup, store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
