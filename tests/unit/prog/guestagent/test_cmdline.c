#include "prog/guestagent/cmdline.h"

#include "unit_test.h"

static void words_are_understood(void **state)
{
    auto_cmdline struct cmdline c = { 0 };

    cmdline_parse(SV("console=ttyS0 clima.init clima.supervise root=/dev/vda rootfstype=xfs "
                     "rootflags=\"a b\" ro quiet init=/bin/sh -- -l \"x y\"\n"),
                  &c);
    assert_string_equal(c.root, "/dev/vda");
    assert_string_equal(c.root_type, "xfs");
    assert_string_equal(c.root_flags, "a b");
    assert_string_equal(c.init, "/bin/sh");
    assert_true(c.read_only && c.is_marked && c.is_supervised);
    assert_int_equal(c.rest.n, 2);
    assert_string_equal(c.rest.v[1], "x y");
}

static void defaults_make_a_bootable_system(void **state)
{
    auto_cmdline struct cmdline c = { 0 };

    cmdline_parse(SV("rdinit=/x root= clima.initx ro rw"), &c);
    assert_string_equal(c.root, "LABEL=clima-root");
    assert_string_equal(c.root_type, "ext4");
    assert_string_equal(c.root_flags, "");
    assert_string_equal(c.init, "/sbin/init");
    assert_false(c.read_only || c.is_marked || c.is_supervised);
    assert_int_equal(c.rest.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_understood),
        cmocka_unit_test(defaults_make_a_bootable_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
