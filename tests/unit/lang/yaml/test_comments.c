#include "lang/yaml/yaml_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Emitting what was loaded gives out, or the text itself when out is NULL. */
struct round_trip {
    const char *in, *out;
};

static void check(const struct round_trip *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        auto_err struct err *err = NULL;
        auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(cases[i].in), &err);

        if (!doc)
            fail_msg("%s: %s", cases[i].in, err_text(err));

        auto_mem char *text = yaml_text(doc);

        assert_string_equal(text, cases[i].out ? cases[i].out : cases[i].in);
    }
}

static void comments_and_blank_lines_stay_where_they_are(void **state)
{
    static const struct round_trip cases[] = {
        { "# head of the file\n\n# head of a\na: 1  # line of a\n\n\nb: 2\n# tail\n", NULL },
        { "# head\na: 1\n", NULL },
        { "a:\n# above the first item\n- x  # x\n# above y\n- y\n\n# above b\nb: 1\n", NULL },
        { "a:  # line of a key\n  b: 1\n", NULL },
        { "a:  # line of an empty value\nb: 1\n", NULL },
        { "a:\n  b:\n    # commented out: 1\n    # more: 2\nc: 3\n", NULL },
        { "a:\n  b:\n    c: 1\n    # foot of c\n  # foot of b\n# head of d\nd: 1\n", NULL },
        { "a:\n  b: 1\n\n  # deep, behind a blank line\n", NULL },
        { "a:\n- b: 1\n  # foot of b\n# head of the item\n- b: 2\n", NULL },
        { "- # head of a\n  # goes on\n  a: 1\n", NULL },
        { "a: |  # behind the header\n  # content\n  x\n\n# head\nb: 1\n", NULL },
        { "a: |\n  x\n\nb: >-\n  folded\n  lines\n\n  second\n\nc: 1\n", NULL },
        { "a: |+\n  x\n\n\nb: 1\n", NULL },
        { "- |\n  x\n   \n- >\n  y\n   \n- b\n", NULL },
        { "a: \"#no comment\"  # but this\nb: x#y\n", NULL },
        { "a: [\n  # first\n  x,  # behind x\n  y\n  # foot\n]\nb: 1\n", NULL },
        { "# only comments\n\n# in here\n", NULL },
        { "a: &anchor-name  # note\n  b: 1\nc: *anchor-name  # same\n", NULL },
        { "- a\n-  # empty\n- b\n", NULL },
        { "mounts:\n# - location: x\n#   writable: true\n\nnext: 1\n", NULL },
    };

    check(cases, COUNT(cases));
}

static void layout_becomes_uniform(void **state)
{
    static const struct round_trip cases[] = {
        { "a:\n    - x\n    - y:   1\n      z: 2 # c\n", "a:\n- x\n- y: 1\n  z: 2  # c\n" },
        { "a:\n     b:\n          c: 1\n", "a:\n  b:\n    c: 1\n" },
        { "---\na: 1\n...\n", "a: 1\n" },
        { "a: 1\r\n# c\r\nb: 2\r\n", "a: 1\n# c\nb: 2\n" },
        { "a: 1\n\n\n", "a: 1\n" },
        { "a: 1", "a: 1\n" },
        { "\n\n# c\na: 1\n", "\n\n# c\na: 1\n" },
        { "{\"a\":1, b : [ x,y ]}", "{\"a\": 1, b: [x, y]}\n" },
        { "- - a\n  - b\n-\n  - c\n", "- - a\n  - b\n- - c\n" },
        { "-\n  # c\n  a: 1\n", "- # c\n  a: 1\n" },
        { "? a\n: b\n", "a: b\n" },
        { "a: 'it''s'\nb: \"tab\\there\"\n", NULL },
        { "a: plain\n   on two lines\n", "a: plain on two lines\n" },
        { "", "" },
    };

    check(cases, COUNT(cases));
}

static void comments_never_become_content(void **state)
{
    static const struct round_trip cases[] = {
        { "a: |\n    x\n  # foot\nb: 1\n", "a: |\n  x\n# foot\nb: 1\n" },
    };

    check(cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_blank_lines_stay_where_they_are),
        cmocka_unit_test(layout_becomes_uniform),
        cmocka_unit_test(comments_never_become_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
