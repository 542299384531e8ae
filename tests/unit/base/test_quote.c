#include "base/quote.h"

#include "base/mem.h"

#include "unit_test.h"

static void shell_words_match_the_reference(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "''" },
        { "a-b_c@d%e+f=g:h,i./j", "a-b_c@d%e+f=g:h,i./j" },
        { "echo $HOME; ls", "'echo $HOME; ls'" },
        { "it's", "'it'\"'\"'s'" },
        { "~", "'~'" },
        { "\xc3\xa9", "'\xc3\xa9'" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb out = { 0 };

        quote_shell(&out, sv_of(cases[i].in));
        assert_string_equal(sb_str(&out), cases[i].out);
    }
}

static void shell_split_reads_what_join_writes(void **state)
{
    static const char *const words[] = {
        "a b", "", "it's", "\\", "\"q\"", "$x", "new\nline", NULL
    };
    auto_mem char *joined = quote_shell_join((char *const *)words);
    auto_strv struct strv back = { 0 };

    assert_true(quote_shell_split(sv_of(joined), &back, NULL));
    assert_int_equal(back.n, COUNT(words) - 1);
    for (size_t i = 0; i < back.n; i++)
        assert_string_equal(back.v[i], words[i]);
}

static void shell_split_knows_the_three_quotings(void **state)
{
    auto_strv struct strv out = { 0 };
    auto_err struct err *err = NULL;

    assert_true(quote_shell_split(SV("qemu -m\\ 1 \"a\\\"b\\c\" 'x\\y'z"), &out, NULL));
    assert_int_equal(out.n, 4);
    assert_string_equal(out.v[1], "-m 1");
    assert_string_equal(out.v[2], "a\"b\\c");
    assert_string_equal(out.v[3], "x\\yz");
    strv_clear(&out);
    assert_false(quote_shell_split(SV("a 'b"), &out, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
}

static void tick_quoting_matches_go(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "foo", "`foo`" },
        { "a\tb", "`a\tb`" },
        { "a`b", "\"a`b\"" },
        { "a\nb", "\"a\\nb\"" },
        { "\xff", "\"\\xff\"" },
        { "q\"", "`q\"`" },
        { "\x1b[0m`", "\"\\x1b[0m`\"" },
        { "\xe2\x80\xa8`", "\"\\u2028`\"" },
        { "", "``" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *out = quote_tick_dup(cases[i].in);

        assert_string_equal(out, cases[i].out);
    }
}

static void lists_are_printed_with_blanks(void **state)
{
    auto_strv struct strv list = { 0 };

    strv_push_list(&list, "Linux", "Darwin", NULL);
    auto_mem char *text = quote_tick_list(&list);

    assert_string_equal(text, "[`Linux` `Darwin`]");
}

static void foreign_text_becomes_harmless(void **state)
{
    auto_mem char *text = quote_printable(SV("ok\x1b]0;x\a\xff\xc3\xa9"), 100);
    auto_mem char *cut = quote_printable(SV("abcdef"), 3);

    assert_string_equal(text, "ok\\x1b]0;x\\x07\\xff\xc3\xa9");
    assert_string_equal(cut, "abc");
}

static void utf8_refuses_overlong_and_surrogates(void **state)
{
    static const char *const bad[] = { "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                       "\xe2\x82", "\x80",         "\xf8\x88\x80\x80\x80" };

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(utf8_is_valid(sv_of(bad[i])));
    assert_true(utf8_is_valid(sv_of("a\xc2\xa2\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_int_equal(utf8_count(sv_of("a\xc2\xa2\xe2\x82\xac\xff")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shell_words_match_the_reference),
        cmocka_unit_test(shell_split_reads_what_join_writes),
        cmocka_unit_test(shell_split_knows_the_three_quotings),
        cmocka_unit_test(tick_quoting_matches_go),
        cmocka_unit_test(lists_are_printed_with_blanks),
        cmocka_unit_test(foreign_text_becomes_harmless),
        cmocka_unit_test(utf8_refuses_overlong_and_surrogates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
