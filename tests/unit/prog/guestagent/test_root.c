#include "prog/guestagent/root.h"

#include <fcntl.h>
#include <unistd.h>

#include "tree.h"

static struct root_attr mine(mode_t mode)
{
    return (struct root_attr){ .mode = mode, .uid = geteuid(), .gid = getegid() };
}

static void link_in_tree(const char *target, const char *name)
{
    auto_mem char *path = temp_path(name);

    (void)unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

static void staged_files_appear_at_commit(void **state)
{
    auto_root struct root root = ROOT_NONE;

    tree_put("etc/a", "old");
    assert_true(root_open(&root, temp_dir, NULL));
    assert_true(root_put(&root, "/etc/a", SV("new"), mine(0640), NULL));
    assert_true(root_put_link(&root, "/etc/l", "a", NULL));
    tree_check("etc/a", "old");
    assert_int_equal(root.staged.n, 2);
    assert_true(root_commit(&root, NULL));
    tree_check("etc/a", "new");
    tree_check("etc/l", "new");
    assert_int_equal(tree_stat("etc/a").st_mode & 07777, 0640);
    tree_check("etc/.a.lima-new", NULL);
}

static void what_is_right_is_left_alone(void **state)
{
    auto_root struct root root = ROOT_NONE;

    assert_true(root_open(&root, temp_dir, NULL));
    tree_put("etc/b", "x");
    link_in_tree("b", "etc/lb");
    assert_true(root_put(&root, "/etc/b", SV("x"), mine(0644), NULL));
    assert_true(root_put_link(&root, "/etc/lb", "b", NULL));
    assert_int_equal(root.staged.n, 0);
    assert_true(root_put(&root, "/etc/b", SV("x"), mine(0600), NULL));  /* another mode */
    assert_true(root_put(&root, "/etc/lb", SV("x"), mine(0644), NULL)); /* a link is not a file */
    assert_int_equal(root.staged.n, 2);
}

static void uncommitted_files_disappear(void **state)
{
    struct root root = ROOT_NONE;

    tree_put("etc/c", "old");
    assert_true(root_open(&root, temp_dir, NULL));
    assert_true(root_put(&root, "/etc/c", SV("new"), mine(0644), NULL));
    root_done(&root);
    tree_check("etc/c", "old");
    tree_check("etc/.c.lima-new", NULL);
}

static void leftovers_of_a_crash_are_overwritten(void **state)
{
    auto_root struct root root = ROOT_NONE;

    tree_put("etc/.d.lima-new", "torn");
    assert_true(root_open(&root, temp_dir, NULL));
    assert_true(root_put(&root, "/etc/d", SV("new"), mine(0644), NULL) && root_commit(&root, NULL));
    tree_check("etc/d", "new");
}

static void links_stay_inside(void **state)
{
    auto_root struct root root = ROOT_NONE;
    auto_sb struct sb text = { 0 };
    auto_err struct err *err = NULL;

    tree_put("inner/f", "inside");
    link_in_tree("/inner", "absolute");
    link_in_tree("../../../../../../inner", "up");
    link_in_tree("/etc/passwd", "outside");
    assert_true(root_open(&root, temp_dir, NULL));
    assert_true(root_read(&root, "/absolute/f", 100, &text, NULL));
    assert_true(root_read(&root, "/up/f", 100, &text, NULL));
    assert_string_equal(sb_str(&text), "insideinside");
    assert_false(root_read(&root, "/outside", 100000, &text, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_false(root_has(&root, "/../../../../../etc/hostname"));
    assert_true(root_put(&root, "/absolute/g", SV("g"), mine(0644), NULL) &&
                root_commit(&root, NULL));
    tree_check("inner/g", "g");
}

static void directories_are_made_with_their_parents(void **state)
{
    auto_root struct root root = ROOT_NONE;

    assert_true(root_open(&root, temp_dir, NULL));
    assert_true(root_make_dir(&root, "/x/y/z", 0700, NULL));
    assert_true(root_make_dir(&root, "/x/y/z", 0755, NULL));
    assert_int_equal(tree_stat("x/y").st_mode & 07777, 0755);
    assert_int_equal(tree_stat("x/y/z").st_mode & 07777, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(staged_files_appear_at_commit),
        cmocka_unit_test(what_is_right_is_left_alone),
        cmocka_unit_test(uncommitted_files_disappear),
        cmocka_unit_test(leftovers_of_a_crash_are_overwritten),
        cmocka_unit_test(links_stay_inside),
        cmocka_unit_test(directories_are_made_with_their_parents),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
