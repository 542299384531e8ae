#include "lang/yaml/yaml_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "lang/json/json.h"

static void assert_json(const char *text, const char *json)
{
    auto_err struct err *err = NULL;
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(text), &err);

    if (!doc)
        fail_msg("%s: %s", text, err_text(err));

    auto_json json_t *value = yaml_to_json(doc->root);
    auto_mem char *got = json_text(value, JSON_STYLE_COMPACT);

    assert_string_equal(got, json);
}

static void values_are_those_of_the_core_schema(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "null" },
        { "# only a comment\n", "null" },
        { "a: 1\nb: [x, 'y', \"z\", ~, true, 1.5]",
          "{\"a\":1,\"b\":[\"x\",\"y\",\"z\",null,true,1.5]}" },
        { "a:\nb: ''", "{\"a\":null,\"b\":\"\"}" },
        { "x: yes\ny: 0x10\nz: 0644\no: 0o17\nu: 1_000",
          "{\"x\":\"yes\",\"y\":16,\"z\":420,\"o\":15,\"u\":1000}" },
        { "s: |\n  a\n   b\n\nt: >-\n  a\n  b", "{\"s\":\"a\\n b\\n\",\"t\":\"a b\"}" },
        { "a: &x {k: 1}\nb: *x\nc: [*x]", "{\"a\":{\"k\":1},\"b\":{\"k\":1},\"c\":[{\"k\":1}]}" },
        { "a: 1\n---\nb: 2\n", "{\"a\":1}" },
        { "---\na: 1\n...\nrubbish: [\n", "{\"a\":1}" },
        { "\xef\xbb\xbf"
          "a: 1\r\nb: 2\r\n",
          "{\"a\":1,\"b\":2}" },
        { "a: !!str 5\nb: !!int \"5\"\nc: !x 5", "{\"a\":\"5\",\"b\":5,\"c\":5}" },
        { "? [1, 2]\n: x", "{\"[1, 2]\":\"x\"}" },
        { "1.0.0: 2.0.0", "{\"1.0.0\":\"2.0.0\"}" },
        { "a: 99999999999999999999", "{\"a\":100000000000000000000}" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_json(cases[i].text, cases[i].json);
}

static void errors_name_the_place(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "a:\n\tb: 1\n", "line 2, column 1: a tab cannot indent YAML, use blanks" },
        { "a: 1\nb: 2\na: 3\n", "line 3, column 1: key `a` is already set in line 1" },
        { "null: 1\n~: 2\n", "line 2, column 1: key `null` is already set in line 1" },
        { "null:\n?\n", "line 2, column 2: key `null` is already set in line 1" },
        { "a: {x: 1, x: 2}", "line 1, column 11: key `x` is already set in line 1" },
        { "a: [1, 2\nb: 3\n", "line 2, column 2: did not find expected ',' or ']'" },
        { "a: b: c\n", "line 1, column 5: mapping values are not allowed in this context" },
        { "a: *nope\n", "line 1, column 4: alias `nope` has no anchor" },
        { "a: &x [*x]\n", "line 1, column 8: alias `x` refers to itself" },
        { "a: 1\nb: \xff\n", "line 2, column 4: invalid leading UTF-8 octet" },
        { "a: \x01\n", "line 1, column 4: control characters are not allowed" },
        { "\xc3\xa9: 1\nx: @\n", "line 2, column 4: found character that cannot start any token" },
        { "\"a\\0b\": 1", "line 1, column 1: a key may not contain a NUL character" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;

        assert_null(yaml_load(sv_of(cases[i].text), &err));
        assert_int_equal(err_kind(err), ERR_INVALID);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void marks_count_lines_columns_and_bytes(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("\xc3\xa9: \xe2\x82\xac\nk:\n- v\n"), NULL);
    struct yaml_node *first = doc->root->entries[0].value;
    struct yaml_node *second = doc->root->entries[1].value->entries[0].value;

    assert_int_equal(first->start.column, 4);
    assert_int_equal(first->start.offset, 4);
    assert_int_equal(first->end.column, 5);
    assert_int_equal(first->end.offset, 7);
    assert_int_equal(second->start.line, 3);
    assert_int_equal(second->start.column, 3);
    assert_int_equal(second->start.offset, 13);
}

static void text_above_the_size_limit_is_refused(void **state)
{
    auto_mem char *text = mem_alloc(YAML_MAX_BYTES + 1);
    auto_err struct err *err = NULL;

    memset(text, ' ', YAML_MAX_BYTES + 1);
    assert_null(yaml_load((struct sv){ text, YAML_MAX_BYTES + 1 }, &err));
    assert_string_equal(err_text(err),
                        "4194305 bytes are too much for a YAML text, at most 4194304 are read");
}

static void nesting_is_limited(void **state)
{
    char text[YAML_MAX_DEPTH * 2 + 3];
    auto_err struct err *err = NULL;

    memset(text, '[', sizeof(text));
    assert_null(yaml_load((struct sv){ text, sizeof(text) }, &err));
    assert_string_equal(err_text(err), "line 1, column 101: nested too deeply");
}

static void aliases_cannot_blow_the_document_up(void **state)
{
    auto_sb struct sb text = { 0 };
    auto_err struct err *err = NULL;

    sb_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        sb_putf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            sb_putf(&text, "%s*a%d", k ? ", " : "", i - 1);
        sb_puts(&text, "]\n");
    }
    assert_null(yaml_load(sb_view(&text), &err));
    assert_non_null(strstr(err_text(err), "too many values (aliases may stand for too much)"));
}

static void merge_keys_are_resolved_on_request(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(
        SV("b: &b {x: 1, y: 2}\nc: &c {z: 3, x: 9}\nd:\n  y: 5\n  <<: [*b, *c]\ne: {<<: *b}\n"),
        NULL);

    assert_true(yaml_apply_merge_keys(doc, NULL));

    auto_json json_t *value = yaml_to_json(doc->root);
    auto_mem char *got = json_text(value, JSON_STYLE_COMPACT);

    assert_string_equal(got, "{\"b\":{\"x\":1,\"y\":2},\"c\":{\"z\":3,\"x\":9},"
                             "\"d\":{\"y\":5,\"x\":1,\"z\":3},\"e\":{\"x\":1,\"y\":2}}");
}

static void merge_key_of_a_scalar_is_an_error(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load(SV("a:\n  <<: 5\n"), NULL);
    auto_err struct err *err = NULL;

    assert_false(yaml_apply_merge_keys(doc, &err));
    assert_string_equal(err_text(err), "line 2, column 3: `<<` must name a mapping");
}

static void values_come_without_comments(void **state)
{
    static const char text[] = "# head\na: 1 # line\nb: [2] # line\n# foot\n";
    auto_yaml_doc struct yaml_doc *with = yaml_load(sv_of(text), NULL);
    auto_yaml_doc struct yaml_doc *without = yaml_load_values(sv_of(text), NULL);
    auto_mem char *plain = NULL;

    assert_true(yaml_equal(with->root, without->root));
    plain = yaml_text(without);
    assert_string_equal(plain, "a: 1\nb: [2]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_core_schema),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(marks_count_lines_columns_and_bytes),
        cmocka_unit_test(text_above_the_size_limit_is_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(aliases_cannot_blow_the_document_up),
        cmocka_unit_test(merge_keys_are_resolved_on_request),
        cmocka_unit_test(merge_key_of_a_scalar_is_an_error),
        cmocka_unit_test(values_come_without_comments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
