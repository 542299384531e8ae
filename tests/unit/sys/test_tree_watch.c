#include "sys/tree_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strv.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static struct strv told;

static void note(void *arg, const char *rel)
{
    if (!strv_has(&told, rel))
        strv_push(&told, rel);
}

static void run(struct tree_watch *tree)
{
    struct pollfd fd = { .fd = tree_watch_fd(tree), .events = POLLIN };

    while (tree_watch_run(tree) || poll(&fd, 1, 0) > 0)
        ;
}

static void told_are(struct tree_watch *tree, const char *expected)
{
    auto_mem char *text = NULL;

    run(tree);
    text = strv_join(&told, " ");
    assert_string_equal(text, expected);
    strv_done(&told);
}

static void make_dir(const char *rel)
{
    auto_mem char *path = temp_path(rel);

    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_file(const char *rel, const char *text)
{
    auto_mem char *path = temp_path(rel);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(file_write_fd(fd, path, sv_of(text), NULL));
}

static void move(const char *from, const char *to)
{
    auto_mem char *a = temp_path(from);
    auto_mem char *b = temp_path(to);

    assert_int_equal(rename(a, b), 0);
}

static struct tree_watch *open_tree(const char *rel)
{
    auto_mem char *root = temp_path(rel);
    struct tree_watch *tree = tree_watch_open(root, note, NULL, NULL);

    assert_non_null(tree);
    run(tree);
    return tree;
}

static void changes_are_told_at_any_depth(void **state)
{
    auto_mem char *path = temp_path("a/x/y/old");
    struct tree_watch *tree;

    make_dir("a");
    make_dir("a/x");
    make_dir("a/x/y");
    write_file("a/x/y/old", "1");
    tree = open_tree("a");
    told_are(tree, "");
    assert_int_equal(chmod(path, 0640), 0);
    make_dir("a/z");
    told_are(tree, "x/y/old z");
    make_dir("a/z/w");
    write_file("a/top", "1");
    told_are(tree, "z/w top");
    tree_watch_close(tree);
}

static void what_a_new_folder_has_already_is_told(void **state)
{
    struct tree_watch *tree;

    make_dir("b");
    make_dir("outside");
    make_dir("outside/in");
    write_file("outside/in/file", "1");
    tree = open_tree("b");
    move("outside", "b/here");
    told_are(tree, "here here/in here/in/file");
    write_file("b/here/in/more", "1");
    told_are(tree, "here/in/more");
    tree_watch_close(tree);
}

static void folders_have_their_new_names_after_a_move(void **state)
{
    struct tree_watch *tree;

    make_dir("c");
    make_dir("c/d");
    make_dir("c/d/e");
    tree = open_tree("c");
    move("c/d", "c/f");
    told_are(tree, "f f/e");
    write_file("c/f/e/file", "1");
    told_are(tree, "f/e/file");
    move("c/f", "gone");
    write_file("gone/e/other", "1");
    told_are(tree, "");
    tree_watch_close(tree);
}

static void links_are_not_followed(void **state)
{
    auto_mem char *target = temp_path("aside");
    auto_mem char *link = temp_path("g/link");
    struct tree_watch *tree;

    make_dir("aside");
    make_dir("g");
    assert_int_equal(symlink(target, link), 0);
    tree = open_tree("g");
    write_file("aside/file", "1");
    told_are(tree, "");
    tree_watch_close(tree);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told_at_any_depth),
        cmocka_unit_test(what_a_new_folder_has_already_is_told),
        cmocka_unit_test(folders_have_their_new_names_after_a_move),
        cmocka_unit_test(links_are_not_followed),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
