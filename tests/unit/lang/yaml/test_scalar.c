#include "lang/yaml/node.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void plain_texts_resolve_to_their_tag(void **state)
{
    static const struct {
        const char *text;
        enum yaml_tag tag;
    } cases[] = {
        { "", YAML_TAG_NULL },     { "~", YAML_TAG_NULL },      { "Null", YAML_TAG_NULL },
        { "true", YAML_TAG_BOOL }, { "FALSE", YAML_TAG_BOOL },  { "tRUE", YAML_TAG_STR },
        { "yes", YAML_TAG_STR },   { "0", YAML_TAG_INT },       { "-12", YAML_TAG_INT },
        { "+7", YAML_TAG_INT },    { "0644", YAML_TAG_INT },    { "089", YAML_TAG_FLOAT },
        { "0xfF", YAML_TAG_INT },  { "0o17", YAML_TAG_INT },    { "0b101", YAML_TAG_INT },
        { "1_000", YAML_TAG_INT }, { "1.5", YAML_TAG_FLOAT },   { ".5", YAML_TAG_FLOAT },
        { "1e3", YAML_TAG_FLOAT }, { "-.inf", YAML_TAG_FLOAT }, { ".NaN", YAML_TAG_FLOAT },
        { "1.2.3", YAML_TAG_STR }, { "4GiB", YAML_TAG_STR },    { "-", YAML_TAG_STR },
        { ".", YAML_TAG_STR },     { "e5", YAML_TAG_STR },      { "0x", YAML_TAG_STR },
        { "-e5", YAML_TAG_STR },   { "12:30", YAML_TAG_STR },   { "1 2", YAML_TAG_STR },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        if (yaml_resolve_plain(sv_of(cases[i].text)) != cases[i].tag)
            fail_msg("\"%s\" is %s", cases[i].text,
                     yaml_tag_name(yaml_resolve_plain(sv_of(cases[i].text))));
}

static void text_of_numbers_goes_through_their_value(void **state)
{
    static const struct {
        const char *plain, *text;
    } cases[] = {
        { "0644", "420" },
        { "0x10", "16" },
        { "1.10", "1.1" },
        { "4", "4" },
        { "-0", "0" },
        { "-010", "-8" },
        { "true", "true" },
        { "TRUE", "true" },
        { "2.0", "2" },
        { ".inf", ".inf" },
        { "18446744073709551615", "18446744073709551615" },
        { "x", "x" },
        { "2.0.0", "2.0.0" },
    };
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *text = NULL;

        assert_true(yaml_as_text(yaml_new_plain(doc, sv_of(cases[i].plain)), &text));
        assert_string_equal(text, cases[i].text);
    }
}

static void null_and_collections_have_no_text(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
    auto_mem char *text = NULL;

    assert_false(yaml_as_text(doc->root, &text));
    assert_false(yaml_as_text(yaml_new_seq(doc), &text));
    assert_null(text);
}

static void integers_come_from_numbers_and_numeric_strings(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "2", true, 2 },
        { "2.9", true, 2 },
        { "-2.9", true, -2 },
        { "0x10", true, 16 },
        { "1e3", true, 1000 },
        { "x", false, 0 },
        { "", false, 0 },
        { "1e30", false, 0 },
        { ".inf", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
    };
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 0;

        assert_int_equal(yaml_as_int(yaml_new_str(doc, sv_of(cases[i].text)), &value), cases[i].ok);
        assert_int_equal(value, cases[i].value);
    }
}

static void booleans_must_be_written_as_such(void **state)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();
    bool flag = false;

    assert_true(yaml_as_bool(yaml_new_plain(doc, SV("True")), &flag));
    assert_true(flag);
    assert_false(yaml_as_bool(yaml_new_plain(doc, SV("yes")), &flag));
    assert_false(yaml_as_bool(yaml_new_str(doc, SV("true")), &flag));
    assert_false(yaml_as_bool(yaml_new_plain(doc, SV("1")), &flag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_resolve_to_their_tag),
        cmocka_unit_test(text_of_numbers_goes_through_their_value),
        cmocka_unit_test(null_and_collections_have_no_text),
        cmocka_unit_test(integers_come_from_numbers_and_numeric_strings),
        cmocka_unit_test(booleans_must_be_written_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
