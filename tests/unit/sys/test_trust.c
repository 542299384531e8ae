#include "sys/trust.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void programs_of_the_system_are_roots(void **state)
{
    auto_mem char *program = realpath("/usr/bin/env", NULL);

    assert_true(trust_check_program(program, NULL));
}

static void refusals_name_what_is_in_the_way(void **state)
{
    static const struct {
        const char *path;
        const char *text;
    } cases[] = {
        { "/usr/bin", "/usr/bin is no regular file" },
        { "/dev/null", "/dev/null is no regular file" },
        { "usr/bin/env", "is no absolute path" },
        { "/usr/bin/clima-nosuch", "cannot look at /usr/bin/clima-nosuch" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;

        check_row(!trust_check_program(cases[i].path, &err), cases[i].path);
        check_row(strstr(err_text(err), cases[i].text), err_text(err));
    }
}

/* Whoever runs this test: the folder is below one that everybody may write to, or is not root's. */
static void what_others_may_change_is_refused(void **state)
{
    auto_mem char *program = temp_path("program");
    auto_mem char *link = temp_path("link");
    auto_err struct err *err = NULL, *by_mode = NULL, *by_link = NULL;

    assert_true(file_write_atomic(program, SV("x"), 0755, NULL));
    assert_int_equal(symlink(program, link), 0);
    assert_false(trust_check_program(program, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_false(trust_check_program(link, &by_link));
    assert_non_null(strstr(err_text(by_link), "is no regular file"));
    assert_int_equal(chmod(program, 0775), 0);
    assert_false(trust_check_program(program, &by_mode));
    if (geteuid() == 0)
        assert_non_null(strstr(err_text(by_mode), "program can be written by others than root"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_of_the_system_are_roots),
        cmocka_unit_test(refusals_name_what_is_in_the_way),
        cmocka_unit_test(what_others_may_change_is_refused),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
