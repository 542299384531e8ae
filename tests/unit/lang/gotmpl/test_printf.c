#include "lang/gotmpl/gotmpl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lang/json/json.h"

static void printf_formats_like_go(void **state)
{
    static const struct {
        const char *call, *out;
    } cases[] = {
        { "\"%d|%5d|%-5d|%05d|%+d\" 42 42 42 42 42", "42|   42|42   |00042|+42" },
        { "\"%05d\" -42", "-0042" },
        { "\"%x|%X|%#x|%o|%b|%c\" 255 255 255 8 5 65", "ff|FF|0xff|10|101|A" },
        { "\"%s|%10s|%-10s|%.2s|%q\" \"abc\" \"abc\" \"abc\" \"abc\" \"a\\\"b\"",
          "abc|       abc|abc       |ab|\"a\\\"b\"" },
        { "\"%x\" \"hi\"", "6869" },
        { "\"%v %v %v %v\" 1 \"a\" true 2.5", "1 a true 2.5" },
        { "\"%f|%.1f|%g|%e\" 1.5 1.25 1.5 1.5", "1.500000|1.2|1.5|1.500000e+00" },
        { "\"%t%%\" true", "true%" },
        { "\"%d\" \"x\"", "%!d(string=x)" },
        { "\"%s\" 5", "%!s(int=5)" },
        { "\"%d %d\" 1", "1 %!d(MISSING)" },
        { "\"%d\" 1 2 \"x\"", "1%!(EXTRA int=2, string=x)" },
        { "\"100%\"", "100%!(NOVERB)" },
        { "\"%T %T\" 1 \"x\"", "int string" },
        { "\"%z\" 1", "%!z(int=1)" },
        { "\"%v\" .", "map[a:[1 2]]" },
        { "\"%9999999999d\" 1", NULL }, /* only must not take long */
    };
    auto_json json_t *data = json_parse(SV("{\"a\":[1,2]}"), NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        auto_sb struct sb text = { 0 }, out = { 0 };

        sb_putf(&text, "{{printf %s}}", cases[i].call);

        auto_gotmpl struct gotmpl *t = gotmpl_parse("t", sb_view(&text), 0, &err);

        if (!t || !gotmpl_run(t, data, NULL, &out, &err))
            fail_msg("%s: %s", cases[i].call, err_text(err));
        if (cases[i].out)
            assert_string_equal(sb_str(&out), cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(printf_formats_like_go) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
