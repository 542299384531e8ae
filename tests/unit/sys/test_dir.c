#include "sys/dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/lock.h"
#include "temp_dir.h"
#include "unit_test.h"

static void make_file(const char *name)
{
    auto_mem char *path = temp_path(name);

    assert_true(file_write_atomic(path, SV("x"), 0600, NULL));
}

static void makes_missing_parents_and_accepts_existing_ones(void **state)
{
    auto_mem char *path = temp_path("a/b/c");
    auto_mem char *slash = temp_path("a/b/d/");
    struct stat st;

    assert_true(dir_make_all(path, 0700, NULL));
    assert_true(dir_make_all(path, 0700, NULL));
    assert_true(dir_make_all(slash, 0700, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_file_in_the_way_is_an_error(void **state)
{
    auto_mem char *below = temp_path("plain/x");
    auto_mem char *plain = temp_path("plain");
    auto_err struct err *err = NULL, *err2 = NULL;

    make_file("plain");
    assert_false(dir_make_all(below, 0700, &err));
    assert_false(dir_make_all(plain, 0700, &err2));
    assert_int_equal(err_kind(err2), ERR_EXISTS);
}

static void lists_in_byte_order(void **state)
{
    static const char *const names[] = { "list/b", "list/B", "list/.a", "list/a" };
    auto_mem char *dir = temp_path("list");
    auto_strv struct strv found = { 0 };
    auto_mem char *joined = NULL;

    assert_true(dir_make(dir, 0700, NULL));
    for (size_t i = 0; i < COUNT(names); i++)
        make_file(names[i]);
    assert_true(dir_list(dir, &found, NULL));
    joined = strv_join(&found, " ");
    assert_string_equal(joined, ".a B a b");
}

static void removes_a_tree_but_follows_no_link(void **state)
{
    auto_mem char *outside = temp_path("outside");
    auto_mem char *kept = temp_path("outside/kept");
    auto_mem char *tree = temp_path("tree");
    auto_mem char *deep = temp_path("tree/x/y/z");
    auto_mem char *link = temp_path("tree/x/link");
    auto_mem char *locked = temp_path("tree/x/locked");

    assert_true(dir_make(outside, 0700, NULL));
    make_file("outside/kept");
    assert_true(dir_make_all(deep, 0700, NULL));
    make_file("tree/x/y/file");
    assert_int_equal(symlink(outside, link), 0);
    assert_true(dir_make(locked, 0000, NULL));

    assert_true(dir_remove_tree(tree, NULL));
    assert_false(file_exists(tree));
    assert_true(file_exists(kept));
    assert_true(dir_remove_tree(tree, NULL)); /* absent is fine */
}

static void removing_a_link_keeps_its_target(void **state)
{
    auto_mem char *target = temp_path("target");
    auto_mem char *link = temp_path("link");

    assert_true(dir_make(target, 0700, NULL));
    assert_int_equal(symlink(target, link), 0);
    assert_true(dir_remove_tree(link, NULL));
    assert_true(dir_exists(target));
    assert_false(file_exists(link));
}

static void nothing_leads_out_of_the_directory(void **state)
{
    static const char *const escapes[] = { "../outside/kept", "/etc/passwd", "out/kept" };
    auto_mem char *root = temp_path("root");
    auto_mem char *out = temp_path("root/out");
    auto_mem char *outside = temp_path("outside");
    auto_fd int root_fd = -1;
    auto_fd int inside = -1;
    int fd = -1;

    assert_true(dir_make_all(outside, 0700, NULL));
    make_file("outside/kept");
    assert_true(dir_make(root, 0700, NULL));
    make_file("root/in");
    assert_int_equal(symlink("../outside", out), 0);
    assert_true(dir_open(root, &root_fd, NULL));
    assert_true(dir_open_beneath(root_fd, "in", O_RDONLY, 0, &inside, NULL));
    for (size_t i = 0; i < COUNT(escapes); i++)
        check_row(!dir_open_beneath(root_fd, escapes[i], O_RDONLY, 0, &fd, NULL), escapes[i]);
}

static void a_lock_is_held_until_its_descriptor_is_closed(void **state)
{
    auto_mem char *path = temp_path("locked-dir");
    auto_err struct err *err = NULL;
    int first = -1, second = -1;

    assert_true(dir_make(path, 0700, NULL));
    assert_true(lock_dir(path, LOCK_TRY, &first, NULL));
    assert_false(lock_dir(path, LOCK_TRY, &second, &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    assert_int_equal(close(first), 0);
    assert_true(lock_dir(path, LOCK_WAIT, &second, NULL));
    assert_int_equal(close(second), 0);
}

static void a_lock_file_is_created_and_private(void **state)
{
    auto_mem char *path = temp_path("lock");
    auto_fd int fd = -1;
    struct stat st;

    assert_true(lock_file(path, LOCK_TRY, &fd, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_missing_parents_and_accepts_existing_ones),
        cmocka_unit_test(a_file_in_the_way_is_an_error),
        cmocka_unit_test(lists_in_byte_order),
        cmocka_unit_test(removes_a_tree_but_follows_no_link),
        cmocka_unit_test(removing_a_link_keeps_its_target),
        cmocka_unit_test(nothing_leads_out_of_the_directory),
        cmocka_unit_test(a_lock_is_held_until_its_descriptor_is_closed),
        cmocka_unit_test(a_lock_file_is_created_and_private),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
