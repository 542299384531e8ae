#include "sys/prefix.h"

#include "base/mem.h"
#include "unit_test.h"

static void prefix_is_above_the_program(void **state)
{
    static const struct {
        const char *program, *prefix; /* NULL: not installed */
    } cases[] = {
        { "/usr/local/bin/limactl", "/usr/local" },
        { "/home/x y/_output/bin/limactl", "/home/x y/_output" },
        { "/opt/clima/libexec/lima/hostagent", "/opt/clima" },
        { "/bin/limactl", "/" },
        { "/libexec/lima/devices", "/" },
        { "/src/_build/prog/limactl", NULL },
        { "/opt/sbin/limactl", NULL },
        { "/opt/libexec/hostagent", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *prefix = prefix_of(cases[i].program);

        check_row(cases[i].prefix ? prefix && strcmp(prefix, cases[i].prefix) == 0 : !prefix,
                  cases[i].program);
    }
}

static void finds_the_running_program(void **state)
{
    auto_mem char *self = NULL;

    assert_true(prefix_self(&self, NULL));
    assert_non_null(strstr(self, "test_sys_prefix"));
}

static void a_program_of_the_build_tree_is_not_installed(void **state)
{
    auto_mem char *path = NULL;
    auto_err struct err *err = NULL;

    assert_false(prefix_find("bin/limactl", &path, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_non_null(err_hint_text(err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_is_above_the_program),
        cmocka_unit_test(finds_the_running_program),
        cmocka_unit_test(a_program_of_the_build_tree_is_not_installed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
