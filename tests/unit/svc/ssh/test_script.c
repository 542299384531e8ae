#include "svc/ssh/script.h"

#include "base/mem.h"
#include "base/quote.h"
#include "sys/proc.h"
#include "unit_test.h"

static void the_first_line_names_the_interpreter(void **state)
{
    static const struct {
        const char *script, *interpreter; /* NULL: refused */
    } cases[] = {
        { "#!/bin/sh\necho", "/bin/sh" },
        { "#!/bin/bash -eux\r\n", "/bin/bash -eux" },
        { "#! /usr/bin/env python3", "/usr/bin/env python3" },
        { "echo\n", NULL }, { "#!\n", NULL }, { "", NULL }, { "\n#!/bin/sh\n", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sv found = { 0 };
        auto_err struct err *err = NULL;
        bool ok = ssh_script_interpreter(sv_of(cases[i].script), &found, &err);

        check_row(ok == (cases[i].interpreter != NULL), cases[i].script);
        check_row(!ok || sv_eq_str(found, cases[i].interpreter), cases[i].script);
    }
}

static void build(struct strv *argv, const char *script, bool with_params)
{
    auto_strv struct strv program = { 0 }, options = { 0 };

    strv_push(&program, "ssh");
    strv_push(&options, "User=me");
    assert_true(ssh_script_argv(&program, &options, 22, "127.0.0.1", sv_of(script), with_params, argv,
                                NULL));
}

static void plain_scripts_get_their_interpreter(void **state)
{
    auto_strv struct strv argv = { 0 };
    auto_mem char *joined = NULL;

    build(&argv, "#!/bin/sh -e\ntrue\n", false);
    joined = strv_join(&argv, "|");
    assert_string_equal(joined, "ssh|-F|/dev/null|-o|User=me|-o|SendEnv=COLORTERM|-p|22|127.0.0.1|--|"
                                "/bin/sh -e");
}

/* Runs what the guest's login shell would be given, with an own param.env in place of the seed's. */
static void parameters_are_exported_to_the_script(void **state)
{
    auto_strv struct strv argv = { 0 }, words = { 0 };
    auto_mem char *line = NULL;
    auto_sb struct sb local = { 0 };
    auto_cmd struct cmd cmd = {
        .in = CMD_FROM_TEXT(SV("echo \"$PARAM_A,$PARAM_B,$1\"; read -r x || echo end\n")),
        .out = CMD_TO_PIPE(1000),
    };
    auto_cmd_result struct cmd_result res = { 0 };
    const char *rest, *at;

    build(&argv, "#!/bin/sh -s arg\n", true);
    for (size_t i = 11; i < argv.n; i++)
        strv_push(&words, argv.v[i]);
    line = strv_join(&words, " "); /* as ssh does */
    assert_true(str_starts(line, "/bin/sh -c '"));
    for (rest = line; (at = strstr(rest, "cat /mnt/lima-cidata/param.env")); rest = at + 30) {
        sb_put(&local, (struct sv){ rest, (size_t)(at - rest) });
        sb_puts(&local, "printf \"PARAM_A=x  *\\nPARAM_B=\\\"y\\nbroken\\n\"");
    }
    sb_puts(&local, rest);
    strv_push_list(&cmd.argv, "sh", "-c", sb_str(&local), NULL);
    assert_true(cmd_run(&cmd, &res, NULL));
    assert_string_equal(sb_str(&res.out), "x  *,\"y,arg\nend\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_names_the_interpreter),
        cmocka_unit_test(plain_scripts_get_their_interpreter),
        cmocka_unit_test(parameters_are_exported_to_the_script),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
