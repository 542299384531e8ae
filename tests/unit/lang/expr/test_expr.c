#include "lang/expr/expr.h"

#include <stdlib.h>

#include "base/mem.h"
#include "lang/json/json.h"

#include "unit_test.h"

static void editing_keeps_what_it_does_not_touch(void **state)
{
    static const struct {
        const char *expression, *before, *after;
    } rows[] = {
        { "", "a:   1 # x\n", "a:   1 # x\n" },
        { " \n", "a:   1\n", "a:   1\n" },
        { ".cpus = 2", "# top\ncpus: 1 # few\nmemory: x\n", "# top\ncpus: 2  # few\nmemory: x\n" },
        { ".cpus=2|.memory=\"2GiB\"", "a: 1\n", "a: 1\ncpus: 2\nmemory: 2GiB\n" },
        { ".a.b.c = true", "x: 1\n", "x: 1\na:\n  b:\n    c: true\n" },
        { ".ssh.overVsock=null", "ssh:\n  overVsock: true\n", "ssh:\n  overVsock: null\n" },
        { ".disk= \"50GiB\"", "disk: \"100GiB\"\n", "disk: \"50GiB\"\n" },
        { ".a += [{\"k\": \"v\", \"w\": true}]", "", "a:\n- k: v\n  w: true\n" },
        { ".a += [1]", "a: null\n", "a:\n- 1\n" },
        { ".a += [2]", "a:\n- 1\n", "a:\n- 1\n- 2\n" },
        { ".dns += [\"1.1.1.1\",\"1.1.1.1\"] | .dns |= unique | .hostResolver.enabled=false",
          "dns: []\n", "dns: [1.1.1.1]\nhostResolver:\n  enabled: false\n" },
        { ".networks |= unique_by(.lima)",
          "networks:\n- lima: a\n- vzNAT: true\n- lima: a\n- vzNAT: false\n",
          "networks:\n- lima: a\n- vzNAT: true\n" },
        { ".mounts = [{\"location\": \"/a\"}] + .mounts", "x: 1\n",
          "x: 1\nmounts:\n- location: /a\n" },
        { ".mounts = [{\"location\": \"/a\"}] + .mounts", "mounts:\n- location: /b\n",
          "mounts:\n- location: /a\n- location: /b\n" },
        { ".mounts[].writable = true",
          "mounts:\n- location: /a\n- location: /b\n  writable: false\n",
          "mounts:\n- location: /a\n  writable: true\n- location: /b\n  writable: true\n" },
        { ".mounts[].writable = true", "mounts: null\n", "mounts: null\n" },
        { ".images = [.images[] | select(.variant == \"x\")]",
          "images:\n- location: a\n  variant: x\n- location: b\n",
          "images:\n- location: a\n  variant: x\n" },
        { ".param[\"name\"] = \"v\"", "param:\n  name: w\n", "param:\n  name: v\n" },
        { ".networks.\"a b\" = {\"mode\": \"host\"}", "networks: {}\n",
          "networks: {a b: {mode: host}}\n" },
        { "del(.networks.\"a b\")", "networks:\n  a b: 1\n  c: 2\n", "networks:\n  c: 2\n" },
        { "del(.nothing)", "a: 1\n", "a: 1\n" },
        { "del(.a, .b)", "a: 1\nb: 2\nc: 3\n", "c: 3\n" },
        { "del(.a[0], .a[1])", "a: [1, 2, 3]\n", "a: [3]\n" },
        { "del(.. | select(tag == \"!!map\" and length == 0))", "a: {}\nb: 1\n", "b: 1\n" },
        { ".features.cdi = true |\n.features.containerd-snapshotter = true", "",
          "features:\n  cdi: true\n  containerd-snapshotter: true\n" },
        { ".images[1] *= {\"arch\": \"z\", \"k\": {\"z\": 1}}",
          "images:\n- arch: x\n- arch: x\n  k:\n    q: 2\n",
          "images:\n- arch: x\n- arch: z\n  k:\n    q: 2\n    z: 1\n" },
        { "(.images[0] | ..) style = \"double\"", "images:\n- a: x\n  c: 1\n",
          "images:\n- a: \"x\"\n  c: 1\n" },
        { "setpath([(.images[] | select(.arch == \"x86_64\") | path)].[0] + \"kernel\"; "
          "{\"location\": \"k\"})",
          "images:\n- arch: a\n- arch: x86_64\n",
          "images:\n- arch: a\n- arch: x86_64\n  kernel:\n    location: k\n" },
        { ".a as $x | .b = $x + 1", "a: 1\n", "a: 1\nb: 2\n" },
        { ".a |= . + 1", "a: 1\n", "a: 2\n" },
        { ".a[3] = 1", "a: [0]\n", "a: [0, null, null, 1]\n" },
        { ".b", "a: 1\nb:\n- 1\n", "- 1\n" },
        { ".a = .b | del(.b)", "b: {c: 1}\n", "a: {c: 1}\n" },
        { ".v = \"x\\(.c + 1)y\\n\"", "c: 1\n", "c: 1\nv: |\n  x2y\n" },
    };

    unsigned n_bad = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *after = NULL;
        auto_err struct err *err = NULL;

        if (!expr_edit_text(sv_of(rows[i].before), sv_of(rows[i].expression), &after, &err))
            print_error("%s: %s\n", rows[i].expression, err_text(err)), n_bad++;
        else if (!str_eq(after, rows[i].after))
            print_error("%s gave:\n%s", rows[i].expression, after), n_bad++;
    }
    assert_int_equal(n_bad, 0);
}

static void values_are_computed(void **state)
{
    static const struct {
        const char *expression, *value, *results;
    } rows[] = {
        { ".", "{\"a\":1}", "[{\"a\":1}]" },
        { ".a.b", "{}", "[null]" },
        { ".a[]", "{\"a\":[1,2]}", "[1,2]" },
        { ".[1]", "[1,2]", "[2]" },
        { ".[-1]", "[1,2]", "[2]" },
        { ".a,.b", "{\"a\":1,\"b\":2}", "[1,2]" },
        { "10 - 5 - 2", "null", "[7]" },
        { "2 * 3 + 1", "null", "[8]" },
        { "7 / 2", "null", "[3.5]" },
        { "7 % 4", "null", "[3]" },
        { "-1 + 3", "null", "[2]" },
        { "1024*1024", "null", "[1048576]" },
        { "select(.disk > 1024*1024)", "{\"disk\":1048577}", "[{\"disk\":1048577}]" },
        { "select(.disk > 1024*1024)", "{\"disk\":1048576}", "[]" },
        { ".status == \"Running\"", "{\"status\":\"Running\"}", "[true]" },
        { ".a == \"1\"", "{\"a\":1}", "[true]" },
        { ".a == \"x*\"", "{\"a\":\"xyz\"}", "[true]" },
        { ".a != \"x*\"", "{\"a\":\"ayz\"}", "[true]" },
        { "select(.name | test(\"z\"))", "{\"name\":\"az\"}", "[{\"name\":\"az\"}]" },
        { ".name | test(\"^\\\\d+$\")", "{\"name\":\"123\"}", "[true]" },
        { ".name | test(\"(?i)AZ\")", "{\"name\":\"az\"}", "[true]" },
        { ".a // \"x\"", "{}", "[\"x\"]" },
        { "true and false or true", "null", "[true]" },
        { "not", "null", "[true]" },
        { "length", "\"h\\u00e9\"", "[2]" },
        { "keys", "{\"b\":1,\"a\":2}", "[[\"b\",\"a\"]]" },
        { "has(\"a\")", "{\"a\":null}", "[true]" },
        { "has(2)", "[1,2]", "[false]" },
        { "map(. + 1)", "[1,2]", "[[2,3]]" },
        { "map(select(. > 1))", "[1,2,3]", "[[2,3]]" },
        { "sort_by(.n)", "[{\"n\":2},{\"n\":1}]", "[[{\"n\":1},{\"n\":2}]]" },
        { "unique", "[1,2,1]", "[[1,2]]" },
        { "to_entries", "{\"a\":1}", "[[{\"key\":\"a\",\"value\":1}]]" },
        { "with_entries(select(.value > 1))", "{\"a\":1,\"b\":2}", "[{\"b\":2}]" },
        { "join(\",\")", "[\"a\",\"b\"]", "[\"a,b\"]" },
        { "split(\",\")", "\"a,b,\"", "[[\"a\",\"b\",\"\"]]" },
        { "sub(\"a(.)\", \"<$1>\")", "\"abac\"", "[\"<b><c>\"]" },
        { "contains({\"a\":[\"x\"]})", "{\"a\":[\"xyz\",\"q\"],\"b\":1}", "[true]" },
        { "any, all", "[true,false]", "[true,false]" },
        { "first", "[3,4]", "[3]" },
        { "tag", "1.5", "[\"!!float\"]" },
        { "[.. | select(tag == \"!!int\")]", "{\"a\":1,\"b\":[2]}", "[[1,2]]" },
        { "{\"x\": .a, y: 2}", "{\"a\":1}", "[{\"x\":1,\"y\":2}]" },
        { "[.a, .b]", "{\"a\":1}", "[[1,null]]" },
        { "\"v=\\(.a)\"", "{\"a\":1}", "[\"v=1\"]" },
        { "\"\\u00e9\\t\"", "null", "[\"\\u00e9\\t\"]" },
        { ".a[] | path", "{\"a\":[1,2]}", "[[\"a\",0],[\"a\",1]]" },
        { ".a * {\"c\":{\"d\":2}}", "{\"a\":{\"c\":{\"e\":1}}}", "[{\"c\":{\"e\":1,\"d\":2}}]" },
        { "[1,2,3] - [2]", "null", "[[1,3]]" },
        { "\"a\" + \"b\"", "null", "[\"ab\"]" },
        { ".a?", "{\"a\":1}", "[1]" },
        { "document_index", "{}", "[0]" },
    };

    unsigned n_bad = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json json_t *value = json_parse(sv_of(rows[i].value), NULL);
        auto_json json_t *expected = json_parse(sv_of(rows[i].results), NULL);
        auto_json json_t *results = NULL;
        auto_err struct err *err = NULL;

        assert_non_null(value);
        if (!expr_eval_json(value, sv_of(rows[i].expression), &results, &err))
            print_error("%s: %s\n", rows[i].expression, err_text(err)), n_bad++;
        else if (!json_equal(results, expected)) {
            char *text = json_dumps(results, JSON_COMPACT);

            print_error("%s gave %s\n", rows[i].expression, text), n_bad++;
        }
    }
    assert_int_equal(n_bad, 0);
}

static void mistakes_are_named_with_their_place(void **state)
{
    static const struct {
        const char *expression, *error;
    } rows[] = {
        { "arch: aarch64", "the function `arch` is not available in expressions" },
        { "env(HOME)", "env operations have been disabled" },
        { "load(\"/etc/passwd\")", "file operations have been disabled" },
        { "sys" "tem(\"id\")",
          "system operations are disabled, use --security-enable-system-operator to enable" },
        { ".a =", "expression, line 1, column 5: expected a value, found the end" },
        { ".a = (1", "expression, line 1, column 8: expected `)`, found the end" },
        { ".a b", "expression, line 1, column 4: expected an operator, found `b`" },
        { ".a\n| \"x", "expression, line 2, column 3: the string has no end" },
        { ".a = #", "expression, line 1, column 6: unexpected `#`" },
        { "$x", "expression, line 1, column 1: there is no variable $x" },
        { "1 / 0", "expression, line 1, column 3: division by zero" },
        { "{} - 1", "expression, line 1, column 4: !!map and !!int cannot be used with `-`" },
        { "select()", "expression, line 1, column 8: expected a value, found `)`" },
        { "select", "expression, line 1, column 1: select takes 1 argument, not 0" },
        { "[1].a", "cannot index array with 'a'" },
        { "test(\"[\")", "expression, line 1, column 1: bad regular expression: " },
        { "1x", "expression, line 1, column 1: 1x is no number" },
    };

    unsigned n_bad = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *text = NULL;
        auto_err struct err *err = NULL;

        check_row(!expr_edit_text(SV("a: 1\n"), sv_of(rows[i].expression), &text, &err),
                  rows[i].expression);
        if (!str_starts(err_text(err), rows[i].error))
            print_error("%s: %s\n", rows[i].expression, err_text(err)), n_bad++;
    }
    assert_int_equal(n_bad, 0);
}

static void work_is_bounded(void **state)
{
    auto_sb struct sb deep = { 0 }, blowup = { 0 };
    auto_mem char *text = NULL;

    for (int i = 0; i < 100000; i++)
        sb_putc(&deep, '(');
    assert_false(expr_edit_text(SV(""), sb_view(&deep), &text, NULL));
    sb_puts(&blowup, ".a = [1,2,3,4,5,6,7,8]");
    for (int i = 0; i < 30; i++)
        sb_puts(&blowup, " | .a = [.a, .a, .a]");
    assert_false(expr_edit_text(SV(""), sb_view(&blowup), &text, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(editing_keeps_what_it_does_not_touch),
        cmocka_unit_test(values_are_computed),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(work_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
