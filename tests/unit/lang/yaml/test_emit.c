#include "lang/yaml/yaml_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "lang/json/json.h"

static void strings_are_quoted_when_needed(void **state)
{
    static const struct {
        const char *text, *yaml;
    } cases[] = {
        { "x", "x" },
        { "a b", "a b" },
        { "", "\"\"" },
        { "true", "\"true\"" },
        { "1", "\"1\"" },
        { "1.5", "\"1.5\"" },
        { "null", "\"null\"" },
        { "~", "\"~\"" },
        { "yes", "\"yes\"" },
        { "12:30:45", "\"12:30:45\"" },
        { "<<", "\"<<\"" },
        { "2.0.0", "2.0.0" },
        { "4GiB", "4GiB" },
        { "/a:b", "/a:b" },
        { "http://x", "http://x" },
        { "a: b", "'a: b'" },
        { "a:", "'a:'" },
        { "a #b", "'a #b'" },
        { "#a", "'#a'" },
        { "- a", "'- a'" },
        { "-a", "-a" },
        { "{{.Home}}", "'{{.Home}}'" },
        { "~/x", "~/x" },
        { "*", "'*'" },
        { " a", "' a'" },
        { "it's", "it's" },
        { "'x", "'''x'" },
        { "a\tb", "'a\tb'" },
        { "a\rb", "\"a\\rb\"" },
        { "\x7f", "\"\\x7F\"" },
        { "\xc3\xa9", "\xc3\xa9" },
        { "\xe2\x80\xa8", "\"\\u2028\"" },
        { "---", "'---'" },
        { "a\nb", "|-\n  a\n  b" },
        { "a\nb\n", "|\n  a\n  b" },
        { "a\n\n", "|+\n  a\n" },
        { " a\nb\n", "|2\n   a\n  b" },
        { "\na\n", "|2\n\n  a" },
        { "\n", "\"\\n\"" },
        { "a\n\x01", "\"a\\n\\x01\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
        auto_mem char *expected = mem_printf("k: %s\n", cases[i].yaml);

        doc->root = yaml_new_map(doc);
        yaml_set(doc, doc->root, SV("k"), yaml_new_str(doc, sv_of(cases[i].text)));

        auto_mem char *text = yaml_text(doc);
        auto_yaml_doc struct yaml_doc *again = yaml_load(sv_of(text), NULL);

        assert_string_equal(text, expected);
        assert_true(yaml_equal(doc->root, again->root));
    }
}

static void json_becomes_block_yaml(void **state)
{
    auto_json json_t *value =
        json_parse(SV("{\"a\":[],\"b\":{},\"c\":[{\"d\":1,\"e\":[\"x\",[true]]},null],"
                      "\"f\":{\"g\":1.50},\"s\":\"l1\\nl2\\n\",\"no\":\"no\"}"),
                   NULL);
    auto_yaml_doc struct yaml_doc *doc = yaml_from_json(value);
    auto_mem char *text = yaml_text(doc);

    assert_string_equal(text,
                        "a: []\nb: {}\nc:\n- d: 1\n  e:\n  - x\n  - - true\n- null\nf:\n  g: 1.5\n"
                        "s: |\n  l1\n  l2\n\"no\": \"no\"\n");

    auto_yaml_doc struct yaml_doc *again = yaml_load(sv_of(text), NULL);
    auto_json json_t *back = yaml_to_json(again->root);

    assert_true(json_equal(value, back));
}

static void styles_of_loaded_scalars_survive(void **state)
{
    static const char text[] =
        "a: 0644\nb: \"x\"\nc: 'y'\nd: yes\ne: 1.10\nf:\ng: ~\nh: !!binary aGk=\n"
        "i: !mine {a: 1}\n'k': null\nl: [-1, +.5, -x, {m: -2}]\n";
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(text), NULL);
    auto_mem char *out = yaml_text(doc);

    assert_string_equal(out, text);
}

static void alias_is_written_out_once_it_differs(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a: &x\n  k: 1\nb: *x\nc: *x\n"), NULL);

    yaml_set(doc, yaml_get(doc->root, "b"), SV("k"), yaml_new_int(doc, 2));

    auto_mem char *out = yaml_text(doc);

    assert_string_equal(out, "a: &x\n  k: 1\nb:\n  k: 2\nc: *x\n");
}

static void values_moved_into_flow_style_stay_valid(void **state)
{
    auto_yaml_doc struct yaml_doc *doc =
        yaml_load(SV("f: []\nb:\n  # c\n  k: |\n    x\n    y\n  e:\n"), NULL);

    yaml_append(doc, yaml_get(doc->root, "f"), yaml_copy(doc, yaml_get(doc->root, "b")));

    auto_mem char *out = yaml_text(doc);
    auto_yaml_doc struct yaml_doc *again = yaml_load(sv_of(out), NULL);

    assert_non_null(again);
    assert_true(yaml_equal(again->root, doc->root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_quoted_when_needed),
        cmocka_unit_test(json_becomes_block_yaml),
        cmocka_unit_test(styles_of_loaded_scalars_survive),
        cmocka_unit_test(alias_is_written_out_once_it_differs),
        cmocka_unit_test(values_moved_into_flow_style_stay_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
