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
        { ".a.b = 1", "a: text\n", "a: text\n" },
        { ".a line_comment = \"few\"", "a: 1 # many\nb: 2\n", "a: 1  # few\nb: 2\n" },
        { ".b head_comment = \"one\\ntwo\" | .a = 2", "a: 1\nb: 2\n",
          "a: 2\n# one\n# two\nb: 2\n" },
        { ".a head_comment = \"\"", "x: 1\n# about a\na: 1\n", "x: 1\na: 1\n" },
        { ".a |= (.[] as $x ireduce (0; . + $x))", "a: [1, 2, 3]\n", "a: 6\n" },
        { ".a style = \"flow\"", "a:\n- 1\n- 2\n", "a: [1, 2]\n" },
        { "(.a[] | select(. == \"x\")) = \"w\"", "a: [x, z]\n", "a: [w, z]\n" },
        { ".a[0, 2] = 9", "a: [1, 2, 3]\n", "a: [9, 2, 9]\n" },
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
        { ".name.x, .name[0]", "{\"name\":\"n\"}", "[]" },
        { ".[\"a\", \"b\"]", "{\"a\":1,\"b\":2}", "[1,2]" },
        { "has(\"a\") and (.a | test(\"x\"))", "{}", "[false]" },
        { "false and (1 / 0), (true or (1 / 0)), (1 // (1 / 0))", "null", "[false,true,1]" },
        { "select(.a[] == 2) | .b", "{\"a\":[1,2],\"b\":3}", "[3]" },
        { "{\"n\": .n, \"x\": .x[]}", "{\"n\":1,\"x\":[2,3]}",
          "[{\"n\":1,\"x\":2},{\"n\":1,\"x\":3}]" },
        { "{\"n\": .x[]}", "{\"x\":[]}", "[]" },
        { ".a == \"x?z\"", "{\"a\":\"xyz\"}", "[true]" },
        { ".a == \"[x]*\"", "{\"a\":\"xyz\"}", "[false]" },
        { ".a == \"*a*b\"", "{\"a\":\"xaxabab\"}", "[true]" },
        { ".a == \"*a*b\"", "{\"a\":\"xaxaba\"}", "[false]" },
        { "test(\"^\\d+$\"), test(\"[\\d.]x\")", "\"12\"", "[true,false]" },
        { "test(\"(?i)\\.Z$\")", "\"a.z\"", "[true]" },
        { "sub(\"^a\", \"b\")", "\"aaa\"", "[\"baa\"]" },
        { "sub(\"x*\", \"-\")", "\"ab\"", "[\"-a-b-\"]" },
        { "\"<\\(.a | join(\", \"))>\"", "{\"a\":[\"x\",\"y\"]}", "[\"<x, y>\"]" },
        { "\"<\\(.a | join(\\\")\\\"))>\"", "{\"a\":[\"x\",\"y\"]}", "[\"<x)y>\"]" },
        { "\"<\\(.a | map(\"\\(.)!\") | join(\")\"))>\"", "{\"a\":[\"x\",\"y\"]}",
          "[\"<x!)y!>\"]" },
        { "\"\\ud83d\\ude00\"", "null", "[\"\\ud83d\\ude00\"]" },
        { "\"\\ud83d\" + \"\\u00zz\"", "null", "[\"\\ufffd\\\\u00zz\"]" },
        { "sort", "[\"b\",2,null,true,\"a\",10]", "[[null,true,2,10,\"a\",\"b\"]]" },
        { "sort_by(.n) | map(.v)", "[{\"n\":1,\"v\":1},{\"n\":0,\"v\":2},{\"n\":1,\"v\":3}]",
          "[[2,1,3]]" },
        { "[.[] as $x ireduce (\"\"; $x + .)]", "[\"a\",\"b\"]", "[[\"ba\"]]" },
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
        { "arch: aarch64",
          "expression, line 1, column 1: the function `arch` is not available in expressions" },
        { ".a = env(HOME)", "expression, line 1, column 6: env operations have been disabled" },
        { "load(\"/etc/passwd\")",
          "expression, line 1, column 1: file operations have been disabled" },
        { "sys"
          "tem(\"id\")",
          "expression, line 1, column 1: system operations are disabled, use "
          "--security-enable-system-operator to enable" },
        { ".a = \"x\\(1 +)\"", "expression, line 1, column 13: expected a value, found `)`" },
        { ".a = \"x\\(1 / 0)\"", "expression, line 1, column 12: division by zero" },
        { ".a = \"x\\(1\"", "expression, line 1, column 6: the string has no end" },
        { ".a | . = \\\"x\\\"", "expression, line 1, column 10: unexpected `\\`" },
        { ".a \xc3\xa9", "expression, line 1, column 4: unexpected `\xc3\xa9`" },
        { "\xff", "the expression is no UTF-8 text" },
        { ".a style = \"bold\"", "expression, line 1, column 4: unknown style `bold`" },
        { ".a line_comment = \"b\\nc\"",
          "expression, line 1, column 4: a line comment is one line" },
        { "[1] | .[-2]", "expression, line 1, column 8: index -2 is out of range" },
        { "test(\"(a)\\1\")", "expression, line 1, column 1: bad regular expression: it has an" },
        { "test(\"a+?\")", "expression, line 1, column 1: bad regular expression: lazy" },
        { "test(\"((a{1,99}){1,99}){9}\")",
          "expression, line 1, column 1: bad regular expression: it repeats too often" },
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
        { "[1].a", "expression, line 1, column 4: cannot index array with 'a'" },
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

/* head, then part n times, then tail. */
static char *repeat(const char *head, const char *part, unsigned n, const char *tail)
{
    struct sb out = { 0 };

    sb_puts(&out, head);
    for (unsigned i = 0; i < n; i++)
        sb_puts(&out, part);
    sb_puts(&out, tail);
    return sb_steal(&out);
}

static void work_is_bounded(void **state)
{
    static const struct {
        const char *head, *part;
        unsigned n;
        const char *tail;
        const char *text; /* more of the same there */
        const char *error;
    } rows[] = {
        { "", "(", 100000, "", NULL, "nested too deeply" },
        { "", "\"\\(", 100000, "", NULL, "the string has no end" },
        { "", ".a", 200000, "", NULL, "the path is too long" },
        { ".", "[.a.a.a", 150, "", NULL, "expected `]`" },
        { ".a = [1,2,3,4]", " | .a = [.a, .a, .a]", 30, "", NULL, "too much work" },
        { ".a = \"0123456789\"", " | .a = .a + .a", 60, "", NULL, "the text gets too long" },
        { ".a = \"0123456789\"", " | .a = \"\\(.a)\\(.a)\"", 60, "", NULL,
          "the text gets too long" },
        { ".b[] == .b[]", "", 0, "", "1,", "too much work" },
        { ".b - .b", "", 0, "", "1,", "too much work" },
        { ".b | unique", "", 0, "", "1,", "too much work" },
        { ".b + [{}] | contains([.[] | {}])", "", 0, "", "1,", "too much work" },
        { ".b | join(\"", "x", 10000, "\")", "1,", "the text gets too long" },
        { ".b[0:1]", "", 0, "", "1,", "expected `]`" },
        { ".c[120000] = 1 | .d[120000] = 1", "", 0, "", "1,", "too large" },
        { ".c = {}", " | .c = {\"a\": .c}", 120, "", NULL, "too large" },
        { "test(\"", "(", 2000, "\")", NULL, "bad regular expression: it is too long" },
        { "\"", "x", 10000, "\" | sub(\"\", . + .)", NULL, "the text gets too long" },
    };
    unsigned n_bad = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *expression = repeat(rows[i].head, rows[i].part, rows[i].n, rows[i].tail);
        auto_mem char *before =
            repeat("b: [", rows[i].text ? rows[i].text : "", rows[i].text ? 5000 : 0, "]\n");
        auto_mem char *after = NULL;
        auto_err struct err *err = NULL;

        if (expr_edit_text(sv_of(before), sv_of(expression), &after, &err))
            print_error("row %zu went through\n", i), n_bad++;
        else if (!strstr(err_text(err), rows[i].error))
            print_error("row %zu: %.200s\n", i, err_text(err)), n_bad++;
    }
    assert_int_equal(n_bad, 0);
}

/* As flags and JSON make them: long, but not deep. */
static void long_expressions_work(void **state)
{
    auto_mem char *list = repeat(".a = [", "\"x\", ", 3000, "1] | .a |= length");
    auto_mem char *pipe = repeat(".a = 0", " | .a += 1", 3000, "");
    auto_mem char *text = NULL;

    assert_true(expr_edit_text(SV(""), sv_of(list), &text, NULL));
    assert_string_equal(text, "a: 3001\n");
    mem_replace(&text, NULL);
    assert_true(expr_edit_text(SV(""), sv_of(pipe), &text, NULL));
    assert_string_equal(text, "a: 3000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(editing_keeps_what_it_does_not_touch),
        cmocka_unit_test(values_are_computed),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(long_expressions_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
