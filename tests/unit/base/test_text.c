#include "base/mem.h"
#include "base/num.h"
#include "base/sb.h"
#include "base/semver.h"
#include "base/sv.h"

#include "unit_test.h"

static void builder_grows_and_stays_terminated(void **state)
{
    auto_sb struct sb b = { 0 };

    assert_string_equal(sb_str(&b), "");
    for (int i = 0; i < 1000; i++)
        sb_putf(&b, "%d,", i % 10);
    assert_int_equal(b.n, 2000);
    assert_int_equal(strlen(b.p), 2000);
    sb_consume(&b, 1998);
    assert_string_equal(sb_str(&b), "9,");
    sb_truncate(&b, 1);
    auto_mem char *stolen = sb_steal(&b);

    assert_string_equal(stolen, "9");
    assert_null(b.p);
}

static void builder_over_its_limit_stays_marked(void **state)
{
    auto_sb struct sb b = { .limit = 4 };

    sb_puts(&b, "abcd");
    assert_false(b.over);
    sb_putc(&b, 'e');
    assert_true(b.over);
    sb_truncate(&b, 0);
    sb_putc(&b, 'x');
    assert_true(b.over);
    assert_string_equal(sb_str(&b), "");
}

static void views_are_cut_and_compared(void **state)
{
    struct sv rest = SV("a,,b"), part;
    size_t n = 0;

    while (sv_next(&rest, ',', &part))
        n++;
    assert_int_equal(n, 3);

    struct sv lines = SV("a\n\nb\n");

    for (n = 0; sv_next_line(&lines, &part);)
        n++;
    assert_int_equal(n, 3);
    assert_true(sv_eq(part, SV("b")));
    assert_true(sv_eq(sv_trim(SV(" \t x \r\n")), SV("x")));
    assert_true(sv_starts(SV("abc"), SV("ab")));
    assert_false(sv_starts(SV("a"), SV("ab")));
    assert_true(sv_ends(SV("abc"), SV("bc")));
    assert_int_equal(sv_rfind(SV("a.b.c"), '.'), 3);
    assert_int_equal(sv_find((struct sv){ 0 }, 'x'), -1);
    assert_true(sv_slice(SV("abc"), 2, 9).n == 1);
    assert_true(sv_slice(SV("abc"), 5, 9).n == 0);
    assert_true(str_ends("lima.yaml", ".yaml"));
}

static void numbers_are_strict(void **state)
{
    uint64_t u;
    int64_t i;
    uint16_t port;
    double d;
    bool b;

    assert_true(parse_u64(SV("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(parse_u64(SV("18446744073709551616"), &u));
    assert_false(parse_u64(SV(""), &u) || parse_u64(SV(" 1"), &u) || parse_u64(SV("+1"), &u) ||
                 parse_u64(SV("0x1"), &u));
    assert_true(parse_i64(SV("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(parse_i64(SV("9223372036854775808"), &i) || parse_i64(SV("-"), &i));
    assert_true(parse_u16(SV("65535"), &port) && port == 65535);
    assert_false(parse_u16(SV("65536"), &port));
    assert_true(parse_u64_base(SV("fF"), 16, &u) && u == 255);
    assert_false(parse_u64_base(SV("8"), 8, &u));
    assert_true(parse_double(SV("1e3"), &d) && d > 999 && d < 1001);
    assert_false(parse_double(SV("inf"), &d) || parse_double(SV("0x1"), &d) ||
                 parse_double(SV("1.5.2"), &d));
    assert_true(parse_bool(SV("T"), &b) && b);
    assert_true(parse_bool(SV("False"), &b) && !b);
    assert_false(parse_bool(SV("yes"), &b));
}

static void versions_compare_by_numbers(void **state)
{
    struct semver a, b;

    assert_true(semver_parse(SV("v2.2.0+clima.0.1.0"), &a));
    assert_true(semver_parse(SV("2.10.1-beta.1"), &b));
    assert_false(a.pre);
    assert_true(b.pre);
    assert_true(semver_cmp(a, b) < 0);
    assert_true(semver_cmp(b, b) == 0);
    assert_false(semver_parse(SV("2.2"), &a) || semver_parse(SV("2.2.0.1"), &a) ||
                 semver_parse(SV("2..0"), &a) || semver_parse(SV(""), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builder_grows_and_stays_terminated),
        cmocka_unit_test(builder_over_its_limit_stays_marked),
        cmocka_unit_test(views_are_cut_and_compared),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(versions_compare_by_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
