#include "base/path.h"

#include "base/auto.h"
#include "base/mem.h"

#include "unit_test.h"

static void clean_works_as_in_go(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "." },
        { ".", "." },
        { "/", "/" },
        { "//", "/" },
        { "a//b/", "a/b" },
        { "a/./b", "a/b" },
        { "a/../b", "b" },
        { "../a", "../a" },
        { "/../a", "/a" },
        { "a/..", "." },
        { "../..", "../.." },
        { "a/../../b", "../b" },
        { "/a b/c/..", "/a b" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *out = path_clean(cases[i].in);

        assert_string_equal(out, cases[i].out);
    }
}

static void parts_are_cut_at_the_last_slash(void **state)
{
    auto_mem char *dir = path_dir("/a/b");
    auto_mem char *here = path_dir("b");
    auto_mem char *root = path_dir("/b");

    assert_string_equal(dir, "/a");
    assert_string_equal(here, ".");
    assert_string_equal(root, "/");
    assert_string_equal(path_base("/a/b.tar.gz"), "b.tar.gz");
    assert_string_equal(path_ext("/a.d/b.tar.gz"), ".gz");
    assert_string_equal(path_ext("/a.d/b"), "");
}

static void join_puts_one_slash(void **state)
{
    auto_mem char *a = path_join("/a/", "/b");
    auto_mem char *b = path_join("", "b");
    auto_mem char *c = path_join("/", "b");

    assert_string_equal(a, "/a/b");
    assert_string_equal(b, "b");
    assert_string_equal(c, "/b");
}

static void within_respects_component_borders(void **state)
{
    assert_true(path_is_within("/a/b", "/a"));
    assert_true(path_is_within("/a", "/a/"));
    assert_false(path_is_within("/ab", "/a"));
    assert_false(path_is_within("/a/../b", "/a"));
    assert_true(path_is_within("/x", "/"));
}

static void home_is_expanded_only_at_the_start(void **state)
{
    auto_mem char *home = path_expand_home("~", "/h");
    auto_mem char *below = path_expand_home("~/x", "/h");
    auto_mem char *other = path_expand_home("~bob/x", "/h");

    assert_string_equal(home, "/h");
    assert_string_equal(below, "/h/x");
    assert_string_equal(other, "~bob/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_works_as_in_go),
        cmocka_unit_test(parts_are_cut_at_the_last_slash),
        cmocka_unit_test(join_puts_one_slash),
        cmocka_unit_test(within_respects_component_borders),
        cmocka_unit_test(home_is_expanded_only_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
