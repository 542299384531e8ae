#include "lang/json/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void texts_are_as_go_prints_them(void **state)
{
    static const struct {
        enum json_style style;
        const char *in, *out;
    } cases[] = {
        { JSON_STYLE_COMPACT, "{ \"z\": 1, \"a\": [ true, null ] }",
          "{\"z\":1,\"a\":[true,null]}" },
        { JSON_STYLE_COMPACT, "\"<a>&b\"", "\"<a>&b\"" },
        { JSON_STYLE_COMPACT_HTML, "{\"<\":\"<a>&b\"}",
          "{\"\\u003c\":\"\\u003ca\\u003e\\u0026b\"}" },
        { JSON_STYLE_COMPACT, "\"\\u2028\\u00e9\\u0001\\t\\b\\f\\u007f/\\\\\\\"\"",
          "\"\\u2028\xc3\xa9\\u0001\\t\\b\\f\x7f/\\\\\\\"\"" },
        { JSON_STYLE_INDENT4, "{}", "{}" },
        { JSON_STYLE_INDENT4, "{\"a\":[],\"b\":[1,{\"c\":\"d\"}]}",
          "{\n    \"a\": [],\n    \"b\": [\n        1,\n        {\n            \"c\": \"d\"\n"
          "        }\n    ]\n}" },
        { JSON_STYLE_COMPACT, "[-9223372036854775808,9223372036854775807]",
          "[-9223372036854775808,9223372036854775807]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_json json_t *value = json_parse(sv_of(cases[i].in), NULL);
        auto_mem char *text = json_text(value, cases[i].style);

        assert_string_equal(text, cases[i].out);
    }
}

static void doubles_are_short_and_exact(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { 1.5, "1.5" },
        { 0.1, "0.1" },
        { 1e20, "100000000000000000000" },
        { 1e21, "1e+21" },
        { 1e-6, "0.000001" },
        { 1e-7, "1e-7" },
        { -12.25, "-12.25" },
        { 1.0 / 3, "0.3333333333333333" },
        { 123456789.0, "123456789" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 5e-324, "5e-324" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb out = { 0 };

        json_put_double(&out, cases[i].number);
        assert_string_equal(sb_str(&out), cases[i].text);
    }
}

static void invalid_utf8_is_replaced(void **state)
{
    auto_sb struct sb out = { 0 };

    json_put_string(&out, SV("a\xff\xc3"), false);
    assert_string_equal(sb_str(&out), "\"a\\ufffd\\ufffd\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_as_go_prints_them),
        cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(invalid_utf8_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
