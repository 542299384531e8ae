#include "lang/json/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parse_accepts_any_single_value(void **state)
{
    static const char *const good[] = { "{}", "[1,2]", "\"x\"", "1", "null", " true " };

    for (size_t i = 0; i < COUNT(good); i++) {
        auto_err struct err *err = NULL;
        auto_json json_t *value = json_parse(sv_of(good[i]), &err);

        assert_non_null(value);
        assert_null(err);
    }
}

static void parse_names_the_place_of_an_error(void **state)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "", "line 1, column 0" },
        { "{\n \"a\": }", "line 2" },
        { "{\"a\":1,\"a\":2}", "duplicate" },
        { "1 2", "end of file expected" },
        { "[1,", "line 1" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;

        assert_null(json_parse(sv_of(cases[i].text), &err));
        assert_int_equal(err_kind(err), ERR_INVALID);
        assert_non_null(strstr(err_text(err), cases[i].part));
    }
}

static void getters_return_members_of_the_right_type(void **state)
{
    auto_json json_t *obj =
        json_parse(SV("{\"s\":\"x\",\"b\":false,\"i\":-5,\"o\":{},\"a\":[1]}"), NULL);
    const char *s = NULL;
    bool b = true;
    int64_t i = 0;
    json_t *part = NULL;

    assert_true(json_get_str(obj, "s", &s, NULL));
    assert_string_equal(s, "x");
    assert_true(json_get_bool(obj, "b", &b, NULL));
    assert_false(b);
    assert_true(json_get_i64(obj, "i", &i, NULL));
    assert_int_equal(i, -5);
    assert_true(json_get_object(obj, "o", &part, NULL));
    assert_true(json_is_object(part));
    assert_true(json_get_array(obj, "a", &part, NULL));
    assert_int_equal(json_array_size(part), 1);
}

static void getters_name_the_key_in_errors(void **state)
{
    auto_json json_t *obj = json_parse(SV("{\"s\":1}"), NULL);
    auto_err struct err *missing = NULL, *wrong = NULL;
    const char *s = "unchanged";
    bool b;

    assert_false(json_get_bool(obj, "b", &b, &missing));
    assert_string_equal(err_text(missing), "key `b` is missing");
    assert_false(json_opt_str(obj, "s", &s, &wrong));
    assert_string_equal(err_text(wrong), "key `s` must be a string, not an integer");
    assert_string_equal(s, "unchanged");
}

static void optional_getters_leave_the_output_when_absent_or_null(void **state)
{
    auto_json json_t *obj = json_parse(SV("{\"n\":null}"), NULL);
    int64_t i = 42;

    assert_true(json_opt_i64(obj, "n", &i, NULL));
    assert_true(json_opt_i64(obj, "x", &i, NULL));
    assert_int_equal(i, 42);
}

static void empty_objects_are_dropped_repeatedly(void **state)
{
    auto_json json_t *value = json_parse(
        SV("{\"a\":{\"b\":{\"c\":{}}},\"l\":[],\"m\":[{},1,{\"x\":{}}],\"n\":null,\"z\":0}"), NULL);

    json_drop_empty_objects(value);

    auto_mem char *text = json_text(value, JSON_STYLE_COMPACT);

    assert_string_equal(text, "{\"l\":[],\"m\":[1],\"n\":null,\"z\":0}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_accepts_any_single_value),
        cmocka_unit_test(parse_names_the_place_of_an_error),
        cmocka_unit_test(getters_return_members_of_the_right_type),
        cmocka_unit_test(getters_name_the_key_in_errors),
        cmocka_unit_test(optional_getters_leave_the_output_when_absent_or_null),
        cmocka_unit_test(empty_objects_are_dropped_repeatedly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
