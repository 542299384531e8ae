#include "driver/qemu/launch.h"

#include "base/mem.h"
#include "base/path.h"
#include "driver/qemu/files.h"
#include "sys/dir.h"
#include "sys/file.h"

#include "unit_test.h"

#define FAILURE "qemu-system-x86_64: -drive x: Could not open 'x'"
#define WARNING "qemu-system-x86_64: warning: vhost backend supports it but QEMU does not."

static void last_words_are_errors_rather_than_warnings(void **state)
{
    static const struct {
        const char *said, *expected;
    } cases[] = {
        { "", "" },
        { FAILURE "\n", FAILURE },
        { FAILURE "\n\n" WARNING "\n", FAILURE },
        { WARNING "\n" FAILURE "\n" FAILURE "\n", FAILURE "; " FAILURE },
        { WARNING "\n", WARNING },
        { "warning: is what x said\n" WARNING "\n", "warning: is what x said" },
    };
    auto_mem char *dir = NULL;

    assert_true(dir_make_temp("/tmp/test-launch-", &dir, NULL));
    auto_mem char *path = path_join(dir, QEMU_STDERR_NAME);

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(file_write_atomic(path, sv_of(cases[i].said), 0600, NULL));
        auto_mem char *words = qemu_last_words(dir);

        check_row(str_eq(words, cases[i].expected), cases[i].said);
    }
    assert_true(dir_remove_tree(dir, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_words_are_errors_rather_than_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
