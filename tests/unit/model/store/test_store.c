#include "model/store/store.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "sys/file.h"

#include "temp_dir.h"
#include "unit_test.h"

static void write_text(const char *name, const char *text)
{
    auto_mem char *path = temp_path(name);
    auto_mem char *dir = path_dir(path);

    assert_true(dir_make_all(dir, 0700, NULL));
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
}

static void set_home(const char *home)
{
    if (home)
        assert_int_equal(setenv("LIMA_HOME", home, 1), 0);
    else
        assert_int_equal(unsetenv("LIMA_HOME"), 0);
}

static void the_default_home_lies_below_the_users(void **state)
{
    auto_mem char *home = NULL, *user_home = temp_path("nobody");
    auto_mem char *expected = path_join(user_home, ".lima");

    set_home(NULL);
    assert_int_equal(setenv("HOME", user_home, 1), 0);
    assert_true(store_home(&home, NULL));
    assert_string_equal(home, expected);
}

static void links_to_the_home_are_resolved(void **state)
{
    auto_mem char *real = temp_path("real home"), *link = temp_path("link"), *home = NULL;

    assert_true(dir_make_all(real, 0700, NULL));
    assert_int_equal(symlink(real, link), 0);
    set_home(link);
    assert_true(store_home(&home, NULL));
    assert_string_equal(home, real);
}

static void a_home_that_is_not_there_is_cleaned_only(void **state)
{
    auto_mem char *path = temp_path("none"), *odd = mem_printf("%s/x/../", path), *home = NULL;

    set_home(odd);
    assert_true(store_home(&home, NULL));
    assert_string_equal(home, path);
}

static void a_relative_home_becomes_absolute(void **state)
{
    auto_mem char *expected = temp_path("rel"), *home = NULL;

    assert_int_equal(chdir(temp_dir), 0);
    set_home("rel");
    assert_true(store_home(&home, NULL));
    assert_string_equal(home, expected);
}

static void open_reads_what_all_instances_share(void **state)
{
    auto_mem char *home = temp_path("full");
    auto_store struct store store = { 0 };

    write_text("full/_config/default.yaml", "cpus: 1\n");
    write_text("full/_config/override.yaml", "cpus: 2\n");
    write_text("full/_config/networks.yaml", "networks: {}\n");
    set_home(home);
    assert_true(store_open(&store, NULL));
    assert_non_null(store.env.defaults.doc);
    assert_non_null(store.env.overrides.doc);
    assert_string_equal(store.env.networks_text, "networks: {}\n");
    assert_string_equal(store.env.lima_home, home);
}

static void open_does_with_an_empty_home(void **state)
{
    auto_mem char *home = temp_path("nothing");
    auto_store struct store store = { 0 };

    set_home(home);
    assert_true(store_open(&store, NULL));
    assert_null(store.env.defaults.doc);
    assert_null(store.env.networks_text);
    assert_false(dir_exists(home));
}

static void a_bad_default_file_is_named(void **state)
{
    auto_mem char *home = temp_path("bad");
    auto_store struct store store = { 0 };
    auto_err struct err *err = NULL;

    write_text("bad/_config/default.yaml", "cpus: [1\n");
    set_home(home);
    assert_false(store_open(&store, &err));
    assert_non_null(strstr(err_text(err), "bad/_config/default.yaml"));
    assert_null(store.home);
}

static void make_home_is_private_and_repeatable(void **state)
{
    auto_mem char *home = temp_path("made");
    auto_store struct store store = { 0 };
    struct stat st;

    set_home(home);
    assert_true(store_open(&store, NULL));
    assert_true(store_make_home(&store, NULL));
    assert_true(store_make_home(&store, NULL));
    assert_int_equal(stat(home, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void the_cache_follows_xdg(void **state)
{
    auto_mem char *home = temp_path("cachehome"), *absolute = NULL, *ignored = NULL;
    auto_mem char *expected = path_join(home, ".cache/lima");
    auto_store struct store store = { 0 };

    assert_int_equal(setenv("HOME", home, 1), 0);
    set_home(home);
    assert_true(store_open(&store, NULL));
    assert_int_equal(setenv("XDG_CACHE_HOME", "/var/cache/u", 1), 0);
    absolute = store_cache_dir(&store);
    assert_string_equal(absolute, "/var/cache/u/lima");
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    ignored = store_cache_dir(&store);
    assert_string_equal(ignored, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_home_lies_below_the_users),
        cmocka_unit_test(links_to_the_home_are_resolved),
        cmocka_unit_test(a_home_that_is_not_there_is_cleaned_only),
        cmocka_unit_test(a_relative_home_becomes_absolute),
        cmocka_unit_test(open_reads_what_all_instances_share),
        cmocka_unit_test(open_does_with_an_empty_home),
        cmocka_unit_test(a_bad_default_file_is_named),
        cmocka_unit_test(make_home_is_private_and_repeatable),
        cmocka_unit_test(the_cache_follows_xdg),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
