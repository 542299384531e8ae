#include "svc/ssh/ssh_client.h"

#include <stdlib.h>

#include "base/mem.h"
#include "unit_test.h"

static void version_and_gssapi_come_from_the_banner(void **state)
{
    static const struct {
        const char *text;
        unsigned major, minor;
        bool has_gssapi;
    } cases[] = {
        { "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025\n", 9, 2, true },
        { "OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3\n", 8, 6, true },
        { "OpenSSH_10.0p2, OpenSSL 3.5.1\n", 10, 0, true },
        { "command-line line 0: Unsupported option \"gssapiauthentication\"\n"
          "OpenSSH_8.4p1, OpenSSL 1.1.1k\n", 8, 4, false },
        { "command-line: line 0: Bad configuration option: GSSAPIAuthentication\n", 0, 0, false },
        { "OpenSSH_x.y\n", 0, 0, true },
        { "OpenSSH_9\n", 0, 0, true },
        { "", 0, 0, true },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ssh_client client = { 0 };

        ssh_client_parse(&client, cases[i].text);
        check_row(client.version.major == cases[i].major, cases[i].text);
        check_row(client.version.minor == cases[i].minor, cases[i].text);
        check_row(client.has_gssapi == cases[i].has_gssapi, cases[i].text);
    }
}

static void the_variable_ssh_replaces_the_program(void **state)
{
    auto_strv struct strv plain = { 0 }, other = { 0 }, broken = { 0 };
    auto_mem char *joined = NULL;

    assert_int_equal(unsetenv("SSH"), 0);
    ssh_client_command(&plain);
    assert_int_equal(plain.n, 1);
    assert_string_equal(plain.v[0], "ssh");

    assert_int_equal(setenv("SSH", "'/opt/my ssh' -4 -o 'A=b c'", 1), 0);
    ssh_client_command(&other);
    joined = strv_join(&other, "|");
    assert_string_equal(joined, "/opt/my ssh|-4|-o|A=b c");

    assert_int_equal(setenv("SSH", "ssh 'open", 1), 0);
    ssh_client_command(&broken);
    assert_int_equal(broken.n, 1);
    assert_string_equal(broken.v[0], "ssh");
    assert_int_equal(unsetenv("SSH"), 0);
}

static void a_missing_client_comes_with_a_remedy(void **state)
{
    auto_ssh_client struct ssh_client client = { 0 };
    auto_err struct err *err = NULL;

    assert_int_equal(setenv("SSH", "/no/such/ssh", 1), 0);
    assert_false(ssh_client_probe(&client, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_non_null(err_hint_text(err));
    assert_int_equal(unsetenv("SSH"), 0);
}

static void the_probe_asks_the_client_of_the_host(void **state)
{
    auto_ssh_client struct ssh_client client = { 0 };

    assert_int_equal(setenv("SSH", "sh -c 'echo OpenSSH_7.4p1 >&2; exit 255'", 1), 0);
    assert_true(ssh_client_probe(&client, NULL));
    assert_int_equal(client.version.major, 7);
    assert_int_equal(client.argv.n, 3);
    assert_int_equal(unsetenv("SSH"), 0);
}

static void old_clients_need_a_lower_log_level(void **state)
{
    static const struct {
        struct semver version;
        const char *level;
    } cases[] = {
        { { 9, 2, 0, false }, "ERROR" }, { { 8, 9, 0, false }, "ERROR" },
        { { 8, 8, 0, false }, "QUIET" }, { { 7, 9, 0, false }, "QUIET" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(
            ssh_client_log_level(&(struct ssh_client){ .version = cases[i].version }),
            cases[i].level);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_and_gssapi_come_from_the_banner),
        cmocka_unit_test(the_variable_ssh_replaces_the_program),
        cmocka_unit_test(a_missing_client_comes_with_a_remedy),
        cmocka_unit_test(the_probe_asks_the_client_of_the_host),
        cmocka_unit_test(old_clients_need_a_lower_log_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
