#include "base/units.h"

#include "base/mem.h"

#include "unit_test.h"

static void sizes_are_powers_of_1024(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        { "0", 0 },           { "512", 512 },      { "4GiB", 4ULL << 30 }, { "4GB", 4ULL << 30 },
        { "4g", 4ULL << 30 }, { "1.5 kib", 1536 }, { ".5k", 512 },         { "1e3", 1000 },
        { "10b", 10 },        { "0.0001k", 0 },    { "1 PB", 1ULL << 50 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bytes = 1;

        check_row(size_parse(sv_of(cases[i].text), &bytes, NULL), cases[i].text);
        check_row(bytes == cases[i].bytes, cases[i].text);
    }
}

static void bad_sizes_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "abc", "invalid size: 'abc'" },
        { "", "invalid size: ''" },
        { "-1", "invalid size: '-1'" },
        { "1XB", "invalid suffix: 'xb'" },
        { "1Bytes", "invalid suffix: 'Bytes'" },
        { "1.5.2", "strconv.ParseFloat: parsing \"1.5.2\": invalid syntax" },
        { "99999999999P", "size is too large: '99999999999P'" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        uint64_t bytes;

        check_row(!size_parse(sv_of(cases[i].text), &bytes, &err), cases[i].text);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void sizes_are_printed_with_four_digits(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0B" },
        { 1023, "1023B" },
        { 1024, "1KiB" },
        { 123417395, "117.7MiB" },
        { 3ULL << 29, "1.5GiB" },
        { 100ULL << 30, "100GiB" },
        { 1024ULL << 30, "1TiB" },
        { 1000ULL << 30, "1000GiB" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *text = size_format(cases[i].bytes);

        assert_string_equal(text, cases[i].text);
    }
}

static void durations_follow_go(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *printed;
    } cases[] = {
        { "0", 0, "0s" },
        { "10m", 600000000000, "10m0s" },
        { "1h10m", 4200000000000, "1h10m0s" },
        { "1.5s", 1500000000, "1.5s" },
        { "-3ms", -3000000, "-3ms" },
        { "1500us", 1500000, "1.5ms" },
        { "90s", 90000000000, "1m30s" },
        { "7ns", 7, "7ns" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ns = 1;

        check_row(duration_parse(sv_of(cases[i].text), &ns, NULL), cases[i].text);
        check_row(ns == cases[i].ns, cases[i].text);
        auto_mem char *text = duration_format(ns);

        assert_string_equal(text, cases[i].printed);
    }
}

static void bad_durations_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "5", "time: missing unit in duration \"5\"" },
        { "", "time: invalid duration \"\"" },
        { "abc", "time: invalid duration \"abc\"" },
        { "1d", "time: unknown unit \"d\" in duration \"1d\"" },
        { "9999999999h", "time: invalid duration \"9999999999h\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        int64_t ns;

        check_row(!duration_parse(sv_of(cases[i].text), &ns, &err), cases[i].text);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(bad_sizes_are_named),
        cmocka_unit_test(sizes_are_printed_with_four_digits),
        cmocka_unit_test(durations_follow_go),
        cmocka_unit_test(bad_durations_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
