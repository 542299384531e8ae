#include "prog/limactl/remote.h"

#include "base/mem.h"
#include "prog/limactl/env_filter.h"

#include "unit_test.h"

/*
 * Quoting of the command.
 */

static void words_arrive_as_they_were_typed(void **state)
{
    static const struct {
        const char *words[6];
        const char *script;
    } cases[] = {
        { { NULL }, "false ; exec \"$SHELL\" -l" },
        { { "ls", "-la" }, "false ; exec \"$SHELL\" -l -c 'ls -la'" },
        { { "pwd" }, "false ; exec \"$SHELL\" -l -c pwd" },
        { { "echo", "", "a b" }, "false ; exec \"$SHELL\" -l -c 'echo '\"'\"''\"'\"' '\"'\"'a b'\"'\"''" },
        { { "a", "&&", "b" }, "false ; exec \"$SHELL\" -l -c 'a '\"'\"'&&'\"'\"' b'" },
        { { "FOO=a b", "BAR=", "printenv", "X=1 2" },
          "false ; exec \"$SHELL\" -l -c "
          "'FOO='\"'\"'a b'\"'\"' BAR='\"'\"''\"'\"' printenv '\"'\"'X=1 2'\"'\"''" },
        { { "sh", "-c", "echo $HOME; ls" },
          "false ; exec \"$SHELL\" -l -c 'sh -c '\"'\"'echo $HOME; ls'\"'\"''" },
    };
    static const struct strv none;

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv words = { 0 };

        for (const char *const *word = cases[i].words; *word; word++)
            strv_push(&words, *word);
        auto_mem char *script = remote_script(&(struct remote){ .mounts = &none }, &words);

        assert_string_equal(script, cases[i].script);
    }
}

/*
 * The working directory.
 */

static void the_directory_follows_the_mounts(void **state)
{
    static const struct {
        const char *workdir, *cwd, *home, *mount;
        bool shares_all;
        const char *cd;
    } cases[] = {
        { "/a b", "/h/u", "/h/u", "/h/u", false, "cd '/a b' || exit 1" },
        { NULL, "/h/u/src", "/h/u", "/h/u", false, "cd /h/u/src || cd /h/u" },
        { NULL, "/h/u/src", NULL, "/h/u", false, "cd /h/u/src" },
        { NULL, "/h/u", "/h/u", "/h/u", false, "cd /h/u || cd /h/u" },
        { NULL, "/srv", "/h/u", "/h/u", false, "cd /h/u" },
        { NULL, "/h/u2", "/h/u", "/h/u/x", false, "false" },
        { NULL, "/srv", "/h/u", "/h", false, "cd /h/u" },
        { NULL, NULL, "/h/u", "/h/u", false, "false" },
        { NULL, "/srv", "/h/u", NULL, false, "false" },
        { NULL, "/srv", "/h/u", NULL, true, "cd /srv || cd /h/u" },
    };
    static const struct strv no_words;

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv mounts = { 0 };

        if (cases[i].mount)
            strv_push(&mounts, cases[i].mount);
        auto_mem char *script = remote_script(
            &(struct remote){
                .workdir = cases[i].workdir,
                .host_cwd = cases[i].cwd,
                .host_home = cases[i].home,
                .mounts = &mounts,
                .shares_all = cases[i].shares_all,
            },
            &no_words);
        auto_mem char *want = mem_printf("%s ; exec \"$SHELL\" -l", cases[i].cd);

        assert_string_equal(script, want);
    }
}

static void shell_and_environment_are_quoted(void **state)
{
    static const struct strv none;
    auto_strv struct strv env = { 0 };

    strv_push_list(&env, "A=1", "B=it's", NULL);
    auto_mem char *script =
        remote_script(&(struct remote){ .mounts = &none, .shell = "/opt/my sh", .env = &env }, &none);

    assert_string_equal(script, "false ; exec env 'A=1' 'B=it'\"'\"'s' '/opt/my sh' -l");
}

/*
 * The filter of --preserve-env.
 */

static char *filtered(const char *block, const char *allow, const char *const *entries)
{
    auto_env_filter struct env_filter filter;
    auto_strv struct strv out = { 0 };

    assert_true(env_filter_init(&filter, block, allow, NULL));
    env_filter_apply(&filter, (char *const *)entries, &out);
    return strv_join(&out, " ");
}

static void the_filter_knows_block_and_allow(void **state)
{
    static const char *const entries[] = { "FOO=1", "PATH=/bin", "SSH_AUTH_SOCK=x", "_=y",
                                           "BASHOPTS=z", "MY_VAR=2", "broken", "=x", NULL };
    static const struct {
        const char *block, *allow, *out;
    } cases[] = {
        { NULL, NULL, "FOO=1 MY_VAR=2" },
        { "", "", "FOO=1 MY_VAR=2" },
        { "+FOO, MY*", NULL, "" },
        { "FOO", NULL, "PATH=/bin SSH_AUTH_SOCK=x _=y BASHOPTS=z MY_VAR=2" },
        { NULL, "SSH_*,PATH", "FOO=1 PATH=/bin SSH_AUTH_SOCK=x MY_VAR=2" },
        { "*", "*O", "FOO=1" },
        { "*_*R", NULL, "FOO=1 PATH=/bin SSH_AUTH_SOCK=x _=y BASHOPTS=z" },
        { "+", NULL, "FOO=1 MY_VAR=2" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *out = filtered(cases[i].block, cases[i].allow, entries);

        assert_string_equal(out, cases[i].out);
    }
}

static void bad_patterns_are_named(void **state)
{
    auto_err struct err *err = NULL;
    struct env_filter filter;

    assert_false(env_filter_init(&filter, "FOO-BAR", NULL, &err));
    assert_string_equal(err_text(err), "Invalid LIMA_SHELLENV_BLOCK pattern: pattern `FOO-BAR` contains "
                                       "invalid character `-` at position 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_arrive_as_they_were_typed),
        cmocka_unit_test(the_directory_follows_the_mounts),
        cmocka_unit_test(shell_and_environment_are_quoted),
        cmocka_unit_test(the_filter_knows_block_and_allow),
        cmocka_unit_test(bad_patterns_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
