#include "base/err.h"

#include <errno.h>

#include "unit_test.h"

static void wraps_read_as_one_sentence(void **state)
{
    auto_err struct err *err = NULL;

    assert_false(err_set_os(&err, ENOENT, "cannot open %s", "x"));
    assert_false(err_wrap(&err, "reading the pid file"));
    assert_string_equal(err_text(err),
                        "reading the pid file: cannot open x: No such file or directory");
    assert_int_equal(err_kind(err), ERR_OS);
    assert_int_equal(err_errno(err), ENOENT);
    assert_int_equal(err_child_status(err), -1);
}

static void hint_is_kept_apart_from_the_text(void **state)
{
    auto_err struct err *err = NULL;

    (void)err_set(&err, ERR_INVALID, "bad");
    (void)err_hint(&err, "try %d", 1);
    (void)err_hint(&err, "try %d", 2);
    assert_string_equal(err_text(err), "bad");
    assert_string_equal(err_hint_text(err), "try 2");
}

static void callers_may_pass_null(void **state)
{
    assert_false(err_set(NULL, ERR_INVALID, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_hint(NULL, "x"));
}

static void propagate_moves_the_object(void **state)
{
    auto_err struct err *outer = NULL;
    struct err *inner = NULL;

    (void)err_set_child(&inner, 7, "ssh failed");
    assert_false(err_propagate(&outer, inner));
    assert_ptr_equal(outer, inner);
    assert_int_equal(err_child_status(outer), 7);
    inner = NULL;
    (void)err_set(&inner, ERR_INVALID, "dropped");
    assert_false(err_propagate(NULL, inner)); /* released: the leak checker watches */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_read_as_one_sentence),
        cmocka_unit_test(hint_is_kept_apart_from_the_text),
        cmocka_unit_test(callers_may_pass_null),
        cmocka_unit_test(propagate_moves_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
