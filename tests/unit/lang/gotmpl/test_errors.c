#include "lang/gotmpl/gotmpl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lang/json/json.h"

struct failure {
    const char *in, *message;
};

static void parse_errors_are_worded_like_those_of_go(void **state)
{
    static const struct failure cases[] = {
        { "{{.Name", "template: format:1: unclosed action" },
        { "a\n{{", "template: format:2: unclosed action" },
        { "{{foo}}", "template: format:1: function \"foo\" not defined" },
        { "{{json .}}", "template: format:1: function \"json\" not defined" },
        { "{{if .X}}", "template: format:1: unexpected EOF" },
        { "{{end}}", "template: format:1: unexpected {{end}}" },
        { "{{else}}", "template: format:1: unexpected {{else}}" },
        { "{{if}}{{end}}", "template: format:1: missing value for if" },
        { "{{}}", "template: format:1: missing value for command" },
        { "{{$x}}", "template: format:1: undefined variable \"$x\"" },
        { "{{$x = 1}}", "template: format:1: undefined variable \"$x\"" },
        { "{{\"a}}", "template: format:1: unterminated quoted string" },
        { "{{`a}}", "template: format:1: unterminated raw quoted string" },
        { "{{'a}}", "template: format:1: unterminated character constant" },
        { "{{/* a", "template: format:1: unclosed comment" },
        { "{{/* a */ .X}}", "template: format:1: comment ends before closing delimiter" },
        { "{{.X @}}", "template: format:1: unrecognized character in action: U+0040 '@'" },
        { "{{1x}}", "template: format:1: bad number syntax: \"1x\"" },
        { "{{break}}", "template: format:1: {{break}} outside {{range}}" },
        { "{{.X | 5}}", "template: format:1: non executable command in pipeline stage 2" },
        { "{{(.X}}", "template: format:1: unexpected \"}}\" in parenthesized pipeline" },
        { "{{.X)}}", "template: format:1: unexpected \")\" in command" },
        { "{{if .X}}{{else}}{{else}}{{end}}", "template: format:1: expected end; found {{else}}" },
        { "{{template .X}}", "template: format:1: unexpected \".X\" in template clause" },
        { "{{\"\\q\"}}", "template: format:1: invalid syntax" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;

        assert_null(gotmpl_parse("format", sv_of(cases[i].in), 0, &err));
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void run_errors_name_the_place(void **state)
{
    static const struct failure cases[] = {
        { "{{.S.x}}",
          "template: t:1:4: executing \"t\" at <.S.x>: can't evaluate field x in type string" },
        { "ab\ncd {{.Nil.x}}",
          "template: t:2:9: executing \"t\" at <.Nil.x>: nil pointer evaluating interface {}.x" },
        { "{{index .L 5}}",
          "template: t:1:2: executing \"t\" at <index .L 5>: error calling index: "
          "index out of range: 5" },
        { "{{eq 1 1.5}}", "template: t:1:2: executing \"t\" at <eq 1 1.5>: error calling eq: "
                          "incompatible types for comparison" },
        { "{{len 3}}",
          "template: t:1:2: executing \"t\" at <len 3>: error calling len: len of type int" },
        { "{{not 1 2}}", "template: t:1:2: executing \"t\" at <not 1 2>: wrong number of args for "
                         "not: want 1 got 2" },
        { "{{.S 1}}", "template: t:1:2: executing \"t\" at <.S>: .S is not a method but has "
                      "arguments" },
        { "{{range .S}}{{end}}",
          "template: t:1:8: executing \"t\" at <.S>: range can't iterate over "
          "a value of type string" },
        { "{{nil}}", "template: t:1:2: executing \"t\" at <nil>: nil is not a command" },
        { "{{template \"x\"}}",
          "template: t:1:2: executing \"t\" at <template>: template \"x\" not defined" },
    };
    auto_json json_t *data = json_parse(SV("{\"S\":\"s\",\"L\":[1],\"Nil\":null}"), NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        auto_sb struct sb out = { 0 };
        auto_gotmpl struct gotmpl *t = gotmpl_parse("t", sv_of(cases[i].in), 0, &err);

        if (!t)
            fail_msg("%s: %s", cases[i].in, err_text(err));
        assert_false(gotmpl_run(t, data, NULL, &out, &err));
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void endless_templates_are_stopped(void **state)
{
    static const struct failure cases[] = {
        { "{{define \"T\"}}{{template \"T\"}}{{end}}{{template \"T\"}}", "maximum template depth" },
        { "{{range 9999999}}{{range 9999999}}{{end}}{{end}}", "too many steps" },
        { "{{$x := \"abcdefgh\"}}{{range 99}}{{$x = print $x $x}}{{end}}", "too long" },
        { "{{$x := printf \"%1000s\" \"\"}}{{range 999999}}{{$x}}{{end}}", "output is too long" },
        { "{{$x := printf \"%1000s\" \"\"}}{{range 999999}}{{$y := print $x}}{{end}}",
          "too much memory" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        auto_sb struct sb out = { 0 };
        auto_gotmpl struct gotmpl *t = gotmpl_parse("t", sv_of(cases[i].in), 0, &err);

        assert_non_null(t);
        assert_false(gotmpl_run(t, NULL, NULL, &out, &err));
        assert_non_null(strstr(err_text(err), cases[i].message));
    }
}

static void nesting_is_limited(void **state)
{
    auto_sb struct sb parentheses = { 0 }, actions = { 0 };

    sb_puts(&parentheses, "{{");
    for (int i = 0; i < 5000; i++) {
        sb_putc(&parentheses, '(');
        sb_puts(&actions, "{{if 1}}");
    }
    assert_null(gotmpl_parse("t", sb_view(&parentheses), 0, NULL));
    assert_null(gotmpl_parse("t", sb_view(&actions), 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_errors_are_worded_like_those_of_go),
        cmocka_unit_test(run_errors_name_the_place),
        cmocka_unit_test(endless_templates_are_stopped),
        cmocka_unit_test(nesting_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
