#include "base/base64.h"
#include "base/rfc3339.h"

#include "unit_test.h"

static void base64_round_trips_every_tail_length(void **state)
{
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb coded = { 0 }, plain = { 0 };

        base64_encode(&coded, sv_of(cases[i].plain));
        assert_string_equal(sb_str(&coded), cases[i].coded);
        assert_true(base64_decode(&plain, sv_of(cases[i].coded)));
        assert_string_equal(sb_str(&plain), cases[i].plain);
    }
}

static void base64_rejects_bad_text(void **state)
{
    static const char *const cases[] = { "Zg", "Z===", "Zm9v!A==", "Zg==Zg==", "=Zg=" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb out = { 0 };

        check_row(!base64_decode(&out, sv_of(cases[i])), cases[i]);
    }
}

static void times_are_formatted_as_go_does(void **state)
{
    static const struct {
        int64_t ns;
        int offset;
        bool with_ns;
        const char *text;
    } cases[] = {
        { 0, 0, true, "1970-01-01T00:00:00Z" },
        { 1786186036000000000, 9 * 3600, false, "2026-08-08T19:47:16+09:00" },
        { 951782400123000000, 0, true, "2000-02-29T00:00:00.123Z" },
        { -1, 0, true, "1969-12-31T23:59:59.999999999Z" },
        { 0, -(3 * 3600 + 1800), false, "1969-12-31T20:30:00-03:30" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb out = { 0 };
        int64_t back;

        rfc3339_format(&out, cases[i].ns, cases[i].offset, cases[i].with_ns);
        assert_string_equal(sb_str(&out), cases[i].text);
        assert_true(rfc3339_parse(sb_view(&out), &back));
        if (cases[i].with_ns)
            assert_true(back == cases[i].ns);
    }
}

static void bad_times_are_rejected(void **state)
{
    static const char *const cases[] = {
        "",
        "2026-08-08",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00Zx",
        "9999-01-01T00:00:00Z",
    };
    int64_t ns;

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(!rfc3339_parse(sv_of(cases[i]), &ns), cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_round_trips_every_tail_length),
        cmocka_unit_test(base64_rejects_bad_text),
        cmocka_unit_test(times_are_formatted_as_go_does),
        cmocka_unit_test(bad_times_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
