#include "svc/ssh/options.h"

#include "base/mem.h"
#include "unit_test.h"

#define COMMON                                                                          \
    "StrictHostKeyChecking=no|UserKnownHostsFile=/dev/null|"                            \
    "NoHostAuthenticationForLocalhost=yes|PreferredAuthentications=publickey|"          \
    "Compression=no|BatchMode=yes|IdentitiesOnly=yes|"
#define CONTROL "ControlMaster=auto|ControlPath=\"/h/.lima/x/ssh.sock\"|ControlPersist=yes"

static void options_come_in_lima_s_order(void **state)
{
    static const struct {
        const char *identities; /* separated by commas */
        struct ssh_client client;
        struct ssh_params params;
        const char *expected;
    } cases[] = {
        { "/h/.lima/_config/user",
          { .version = { 9, 2, 0, false }, .has_gssapi = true, .has_aes = true },
          { .user = "me", .inst_dir = "/h/.lima/x" },
          "IdentityFile=\"/h/.lima/_config/user\"|" COMMON "GSSAPIAuthentication=no|"
          "Ciphers=\"^aes128-gcm@openssh.com,aes256-gcm@openssh.com\"|User=me|" CONTROL },
        { "/h/.lima/_config/user,/h/.ssh/id_rsa",
          { .version = { 8, 1, 0, false } },
          { .user = "me", .inst_dir = "/h/.lima/x", .forward_agent = true, .forward_x11 = true,
            .forward_x11_trusted = true },
          "IdentityFile=\"/h/.lima/_config/user\"|IdentityFile=\"/h/.ssh/id_rsa\"|" COMMON
          "Ciphers=\"^chacha20-poly1305@openssh.com\"|User=me|" CONTROL
          "|ForwardAgent=yes|ForwardX11=yes|ForwardX11Trusted=yes" },
        { "/h/.lima/_config/user",
          { .version = { 8, 0, 0, false }, .has_aes = true },
          { .user = "me", .inst_dir = "/h/.lima/x", .forward_x11 = true },
          "IdentityFile=\"/h/.lima/_config/user\"|" COMMON "User=me|" CONTROL "|ForwardX11=yes" },
        { "/a b/50%",
          { .version = { 7, 9, 0, false } },
          { .user = "me", .inst_dir = "/h/.lima/x" },
          "IdentityFile=\"/a b/50%%\"|" COMMON "User=me|" CONTROL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ssh_params params = cases[i].params;
        auto_strv struct strv identities = { 0 }, out = { 0 };
        auto_mem char *joined = NULL;

        strv_split(&identities, sv_of(cases[i].identities), ',');
        params.identities = &identities;
        assert_true(ssh_options(&cases[i].client, &params, &out, NULL));
        joined = strv_join(&out, "|");
        assert_string_equal(joined, cases[i].expected);
    }
}

static void values_that_would_break_a_line_are_refused(void **state)
{
    static const struct {
        const char *identity, *user, *dir;
    } cases[] = {
        { "/a\nb", "me", "/x" }, { "/a", "me\nProxyCommand=x", "/x" }, { "/a", "me", "/x\ry" },
        { "/a\"b", "me", "/x" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv identities = { 0 }, out = { 0 };
        struct ssh_params params = { .identities = &identities, .user = cases[i].user,
                                     .inst_dir = cases[i].dir };
        auto_err struct err *err = NULL;

        strv_push(&identities, cases[i].identity);
        check_row(!ssh_options(&(struct ssh_client){ 0 }, &params, &out, &err), cases[i].identity);
        assert_int_equal(err_kind(err), ERR_INVALID);
    }
}

static void argv_of_calls(void **state)
{
    auto_strv struct strv program = { 0 }, options = { 0 }, apart = { 0 };
    auto_strv struct strv exit_argv = { 0 }, run_argv = { 0 };
    auto_mem char *a = NULL;
    auto_mem char *b = NULL;
    auto_mem char *c = NULL;

    strv_push(&program, "ssh");
    strv_push_list(&options, "User=me", "ControlMaster=auto", "ControlPath=\"/x/ssh.sock\"",
                   "ControlPersist=yes", "ForwardAgent=yes", NULL);

    ssh_argv_master(&program, &options, "exit", 60022, SSH_ADDRESS, &exit_argv);
    a = strv_join(&exit_argv, " ");
    assert_string_equal(a, "ssh -F /dev/null -o User=me -o ControlMaster=auto "
                           "-o ControlPath=\"/x/ssh.sock\" -o ControlPersist=yes -o ForwardAgent=yes "
                           "-o SendEnv=COLORTERM -O exit -p 60022 127.0.0.1");

    ssh_options_without_master(&options, &apart);
    b = strv_join(&apart, " ");
    assert_string_equal(b, "ControlMaster=no ControlPath=none ControlPersist=no User=me "
                           "ForwardAgent=yes");

    ssh_argv_command(&program, &apart, 22, "::1", (const char *const[]){ "true", "x y", NULL },
                     &run_argv);
    c = strv_join(&run_argv, "|");
    assert_true(str_ends(c, "|-p|22|::1|--|true|x y"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_come_in_lima_s_order),
        cmocka_unit_test(values_that_would_break_a_line_are_refused),
        cmocka_unit_test(argv_of_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
