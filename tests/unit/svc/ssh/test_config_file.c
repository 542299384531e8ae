#include "svc/ssh/config_file.h"

#include <sys/stat.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static const char expected_body[] = "Host lima-x\n"
                                    "  IdentityFile \"/h/_config/user\"\n"
                                    "  Ciphers \"^a=b\"\n"
                                    "  User me\n"
                                    "  Hostname 127.0.0.1\n"
                                    "  Port 60022\n";

static void an_option_is_a_line(void **state)
{
    auto_strv struct strv options = { 0 };
    auto_mem char *body = NULL;

    strv_push_list(&options, "IdentityFile=\"/h/_config/user\"", "Ciphers=\"^a=b\"", "User=me", NULL);
    body = ssh_config_body("lima-x", &options, "127.0.0.1", 60022);
    assert_string_equal(body, expected_body);
}

static void the_file_is_private_and_keeps_the_port(void **state)
{
    auto_mem char *path = temp_path("ssh.config");
    auto_mem char *text = NULL;
    auto_strv struct strv options = { 0 };
    struct sv rest, line;
    struct stat st;
    uint16_t port = 0;
    int comments = 0;

    strv_push(&options, "User=me");
    assert_true(ssh_config_write(path, "x", "lima-x", &options, "127.0.0.1", 40001, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(file_read_text(path, 4096, &text, NULL));
    rest = sv_of(text);
    while (sv_next(&rest, '\n', &line) && sv_starts(line, SV("#")))
        comments++;
    assert_int_equal(comments, 3);
    assert_true(sv_eq_str(line, "Host lima-x"));
    assert_true(ssh_config_read_port(path, &port, NULL));
    assert_int_equal(port, 40001);
}

static void the_port_is_found_only_where_it_is(void **state)
{
    static const struct {
        const char *text;
        uint16_t port; /* 0: not found */
    } cases[] = {
        { "Host x\n  Port 60022\n", 60022 }, { "Port 1", 1 }, { "  Port  7\r\n", 7 },
        { "# Port 5\n", 0 }, { "Portable 5\n", 0 }, { "Port x\nPort 9\n", 9 }, { "Port 70000\n", 0 },
        { "", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint16_t port = 0;

        check_row(ssh_config_find_port(cases[i].text, &port) == (cases[i].port != 0), cases[i].text);
        check_row(port == cases[i].port, cases[i].text);
    }
}

static void a_missing_file_is_not_found(void **state)
{
    auto_mem char *path = temp_path("absent");
    auto_err struct err *err = NULL;
    uint16_t port;

    assert_false(ssh_config_read_port(path, &port, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_is_a_line),
        cmocka_unit_test(the_file_is_private_and_keeps_the_port),
        cmocka_unit_test(the_port_is_found_only_where_it_is),
        cmocka_unit_test(a_missing_file_is_not_found),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
