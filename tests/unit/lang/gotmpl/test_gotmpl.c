#include "lang/gotmpl/gotmpl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lang/json/json.h"

static const char data_text[] =
    "{\"Name\":\"vm\",\"Dir\":\"/"
    "d\",\"CPUs\":4,\"Zero\":0,\"Empty\":\"\",\"Yes\":true,\"No\":false,"
    "\"Nil\":null,\"Pi\":3.5,\"Big\":1e21,\"List\":[\"a\",\"b\",3],\"None\":[],"
    "\"Param\":{\"z\":\"1\",\"a\":\"x y\"},\"Deep\":{\"er\":{\"est\":\"!\"}},\"Html\":\"<a>&'\"}";

struct pair {
    const char *in, *out;
};

static void check(const struct pair *cases, size_t n, unsigned flags)
{
    auto_json json_t *data = json_parse(sv_of(data_text), NULL);

    for (size_t i = 0; i < n; i++) {
        auto_err struct err *err = NULL;
        auto_sb struct sb out = { 0 };
        auto_gotmpl struct gotmpl *t = gotmpl_parse("t", sv_of(cases[i].in), flags, &err);

        if (!t || !gotmpl_run(t, data, NULL, &out, &err))
            fail_msg("%s: %s", cases[i].in, err_text(err));
        assert_string_equal(sb_str(&out), cases[i].out);
    }
}

static void text_and_values(void **state)
{
    static const struct pair cases[] = {
        { "", "" },
        { "plain \\t\\n {", "plain \\t\\n {" },
        { "{{.Name}}", "vm" },
        { "{{ .Name }} {{.CPUs}}", "vm 4" },
        { "unix://{{.Dir}}/sock", "unix:///d/sock" },
        { "{{.Deep.er.est}}", "!" },
        { "{{(.Deep).er.est}}", "!" },
        { "{{$.Name}}", "vm" },
        { "{{.Nope}}", "<no value>" },
        { "{{.Nil}}", "<nil>" },
        { "{{.List}} {{.None}}", "[a b 3] []" },
        { "{{.Param}}", "map[a:x y z:1]" },
        { "{{.Pi}} {{.Big}} {{.Yes}} {{1e3}} {{0.00001}}", "3.5 1e+21 true 1000 1e-05" },
        { "{{\"a\\tb\\u00e9\\x41\"}}{{`raw\\t`}}{{'x'}}", "a\tb\xc3\xa9"
                                                          "Araw\\t120" },
        { "{{/* comment */}}a{{- /* x */ -}} b", "ab" },
        { "a \n {{- .Name -}} \n b", "avmb" },
        { "{{0x10}} {{-5}} {{+3}}", "16 -5 3" },
    };

    check(cases, COUNT(cases), 0);
}

static void control_flow(void **state)
{
    static const struct pair cases[] = {
        { "{{if .Yes}}y{{else}}n{{end}}{{if .No}}y{{else}}n{{end}}", "yn" },
        { "{{if .Zero}}1{{else if .Empty}}2{{else if .CPUs}}3{{else}}4{{end}}", "3" },
        { "{{if .None}}1{{end}}{{if .Nope}}2{{end}}{{if .Nil}}3{{end}}.", "." },
        { "{{with .Deep.er}}{{.est}}{{$.Name}}{{end}}{{with .Nope}}x{{else}}e{{end}}", "!vme" },
        { "{{with .Nope}}x{{else with .Name}}{{.}}{{end}}", "vm" },
        { "{{range .List}}<{{.}}>{{end}}", "<a><b><3>" },
        { "{{range $i, $e := .List}}{{$i}}={{$e}} {{end}}", "0=a 1=b 2=3 " },
        { "{{range $e := .List}}{{$e}}{{end}}", "ab3" },
        { "{{range $k, $v := .Param}}{{$k}}={{$v}};{{end}}", "a=x y;z=1;" },
        { "{{range .None}}x{{else}}none{{end}}{{range .Nope}}x{{else}}none{{end}}", "nonenone" },
        { "{{range $i, $e := .List}}{{if eq $i 1}}{{continue}}{{end}}{{$e}}{{end}}", "a3" },
        { "{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}!", "a!" },
        { "{{range 3}}{{.}}{{end}}", "012" },
        { "{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{end}}{{$x}}", "2" },
        { "{{if $x := .Name}}{{$x}}{{end}}", "vm" },
        { "{{range .List}}{{range $.None}}{{else}}-{{end}}{{end}}", "---" },
        { "{{define \"T\"}}[{{.}}]{{end}}{{template \"T\" .Name}}{{template \"T\"}}",
          "[vm][<no value>]" },
        { "{{block \"B\" .Deep}}{{.er.est}}{{end}}", "!" },
        { "{{define \"R\"}}{{if .}}x{{template \"R\" slice . 1}}{{end}}{{end}}{{template \"R\" "
          "\"abc\"}}",
          "xxx" },
    };

    check(cases, COUNT(cases), 0);
}

static void functions(void **state)
{
    static const struct pair cases[] = {
        { "{{and .Yes .Name}} {{and .Zero .Nope}} {{or .Empty \"d\"}} {{or .No .Zero}}",
          "vm 0 d 0" },
        { "{{or .Name (index .None 5)}}", "vm" },
        { "{{not .Yes}} {{not .Empty}}", "false true" },
        { "{{len .List}} {{len .Name}} {{len .Param}}", "3 2 2" },
        { "{{index .List 1}} {{index .Param \"a\"}} {{index .Deep \"er\" \"est\"}}", "b x y !" },
        { "{{index .Param \"nope\"}}", "<no value>" },
        { "{{slice .Name 1}} {{slice .List 0 2}}", "m [a b]" },
        { "{{print 1 2 \"a\" 3 4.5}} {{println 1 \"b\"}}", "1 2a3 4.5 1 b\n" },
        { "{{.Html | html}} {{html .Html}} {{js .Html}} {{urlquery \"a b&c\"}}",
          "&lt;a&gt;&amp;&#39; &lt;a&gt;&amp;&#39; \\u003Ca\\u003E\\u0026\\' a+b%26c" },
        { "{{eq .Name \"vm\"}} {{eq .CPUs 1 2 4}} {{ne .CPUs 4}} {{eq .Nil nil}}",
          "true true false true" },
        { "{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2.5}}", "true true true false" },
        { "{{.Name | printf \"%s-%s\" \"x\" | len}}", "4" },
        { "{{printf \"%d\" (len .List)}}", "3" },
        { "{{if and (eq .Name \"vm\") (not .No)}}ok{{end}}", "ok" },
    };

    check(cases, COUNT(cases), 0);
}

static void list_functions(void **state)
{
    static const struct pair cases[] = {
        { "{{json .List}} {{json .Html}}", "[\"a\",\"b\",3] \"<a>&'\"" },
        { "{{yaml .Deep}}", "---\ner:\n  est: '!'\n" },
        { "{{indent \"a\\n\\nb\"}}|{{indent 1 \"c\"}}", "  a\n\n  b| c" },
        { "{{missing .Empty}} {{missing \"-\" .Empty}} {{.Name | missing}}", "<missing> - vm" },
    };

    check(cases, COUNT(cases), GOTMPL_LIST_FUNCS);
}

static const json_t *find_field(void *ctx, const json_t *object, const char *name,
                                const char **out_type)
{
    *out_type = "store.FormatData";
    return json_object_get(object, strcmp(name, "SSHLocalPort") == 0 ? "sshLocalPort" : name);
}

static void resolver_finds_fields(void **state)
{
    const struct gotmpl_resolver resolver = { find_field, NULL };
    auto_json json_t *data = json_parse(SV("{\"sshLocalPort\":22}"), NULL);
    auto_gotmpl struct gotmpl *t = gotmpl_parse("format", SV("{{.SSHLocalPort}}"), 0, NULL);
    auto_gotmpl struct gotmpl *bad = gotmpl_parse("format", SV("{{.Unknown}}"), 0, NULL);
    auto_err struct err *err = NULL;
    auto_sb struct sb out = { 0 };

    assert_true(gotmpl_run(t, data, &resolver, &out, NULL));
    assert_string_equal(sb_str(&out), "22");
    assert_false(gotmpl_run(bad, data, &resolver, &out, &err));
    assert_string_equal(err_text(err), "template: format:1:2: executing \"format\" at <.Unknown>: "
                                       "can't evaluate field Unknown in type store.FormatData");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_values),
        cmocka_unit_test(control_flow),
        cmocka_unit_test(functions),
        cmocka_unit_test(list_functions),
        cmocka_unit_test(resolver_finds_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
