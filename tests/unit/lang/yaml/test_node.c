#include "lang/yaml/yaml_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void set_replaces_or_appends(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a: 1  # why\nb: \"x\"\nc: [1]\n"), NULL);

    yaml_set(doc, doc->root, SV("a"), yaml_new_int(doc, 2));
    yaml_set(doc, doc->root, SV("b"), yaml_new_str(doc, SV("y")));
    yaml_set(doc, doc->root, SV("c"), yaml_new_null(doc));
    yaml_set(doc, doc->root, SV("d"), yaml_new_bool(doc, true));

    auto_mem char *text = yaml_text(doc);

    assert_string_equal(text, "a: 2  # why\nb: \"y\"\nc: null\nd: true\n");
}

static void quotes_of_a_string_are_not_kept_for_a_number(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a: \"x\"\n"), NULL);

    yaml_set(doc, doc->root, SV("a"), yaml_new_int(doc, 2));

    auto_mem char *text = yaml_text(doc);

    assert_string_equal(text, "a: 2\n");
}

static void removed_entry_takes_its_comments_along(void **state)
{
    auto_yaml_doc struct yaml_doc *doc =
        yaml_load(SV("a: 1\n\n# about b\nb: 2  # line\n\n# about c\nc: 3\n"), NULL);

    yaml_remove(doc->root, 1);

    auto_mem char *text = yaml_text(doc);

    assert_string_equal(text, "a: 1\n\n# about c\nc: 3\n");
}

static void equal_ignores_order_and_style(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        { "{a: 1, b: [x]}", "b:\n- 'x'\na: 1", true },
        { "a: ~", "a:", true },
        { "1", "\"1\"", false },
        { "[1, 2]", "[2, 1]", false },
        { "{a: 1}", "{a: 1, b: 2}", false },
        { "{a: 1}", "{b: 1}", false },
        { "[]", "{}", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_yaml_doc struct yaml_doc *a = yaml_load(sv_of(cases[i].a), NULL);
        auto_yaml_doc struct yaml_doc *b = yaml_load(sv_of(cases[i].b), NULL);

        assert_int_equal(yaml_equal(a->root, b->root), cases[i].equal);
        assert_int_equal(yaml_equal(b->root, a->root), cases[i].equal);
    }
}

static void copy_does_not_share(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a: {x: 1}\n"), NULL);
    auto_yaml_doc struct yaml_doc *other = yaml_doc_new();

    other->root = yaml_copy(other, doc->root);
    yaml_set(doc, yaml_get(doc->root, "a"), SV("x"), yaml_new_int(doc, 2));

    auto_mem char *text = yaml_text(other);

    assert_string_equal(text, "a: {x: 1}\n");
}

static void lookups_of_what_is_not_there_give_null(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a: 1\n"), NULL);

    assert_null(yaml_get(doc->root, "b"));
    assert_null(yaml_get(yaml_get(doc->root, "a"), "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_replaces_or_appends),
        cmocka_unit_test(quotes_of_a_string_are_not_kept_for_a_number),
        cmocka_unit_test(removed_entry_takes_its_comments_along),
        cmocka_unit_test(equal_ignores_order_and_style),
        cmocka_unit_test(copy_does_not_share),
        cmocka_unit_test(lookups_of_what_is_not_there_give_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
