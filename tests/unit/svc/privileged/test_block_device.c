#include "svc/privileged/block_device.h"

#include "temp_dir.h"
#include "unit_test.h"

static void serials_are_short_and_plain(void **state)
{
    static const struct {
        const char *path, *serial;
    } cases[] = {
        { "/dev/sdb", "sdb" },
        { "/dev/disk4", "disk4" },
        { "/dev/disk/by-id/usb-Some_Maker:0-0,x", "usb-Some_Maker-0-0-x" },
        { "/dev/disk/by-id/012345678901234567890123", "01234567890123456789" },
        { "/x/data disk \xc3\xa4.img", "data-disk---.img" },
        { "/dev/", "block-device" },
        { "data", "data" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *serial = block_device_serial(cases[i].path);

        check_row(str_eq(serial, cases[i].serial), serial);
    }
}

static void rules_name_user_program_and_device(void **state)
{
    static const struct {
        const char *user, *program, *device, *rule;
    } cases[] = {
        { "u", "/p/privileged", "/dev/sdb",
          "u ALL=(root:root) NOPASSWD:NOSETENV: /p/privileged block-device /dev/sdb" },
        { "a.b-c_1", "/p", "/dev/disk:1",
          "a.b-c_1 ALL=(root:root) NOPASSWD:NOSETENV: /p block-device /dev/disk\\:1" },
        { "ALL", "/p", "/dev/a=b,c\\d",
          "#1000 ALL=(root:root) NOPASSWD:NOSETENV: /p block-device /dev/a\\=b\\,c\\\\d" },
        { "%wheel", "/p", "/dev/sdb",
          "#1000 ALL=(root:root) NOPASSWD:NOSETENV: /p block-device /dev/sdb" },
        { "u", "/p", "/dev/sd*", NULL },
        { "u", "/p", "/dev/sd[ab]", NULL },
        { "u", "/p", "/dev/sd?", NULL },
        { "u", "/p", "/dev/a b", NULL },
        { "u", "/p", "/dev/a\nb", NULL },
        { "u", "/p p", "/dev/sdb", NULL },
        { "u", "/p", "/dev/a!b", NULL },
        { "u", "/p", "/dev/a\"b", NULL },
        { "u", "/p", "/dev/a#b", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *rule = NULL;
        bool ok =
            block_device_rule(cases[i].user, 1000, cases[i].program, cases[i].device, &rule, NULL);

        check_row(ok == (cases[i].rule != NULL), cases[i].device);
        check_row(!ok || str_eq(rule, cases[i].rule), rule);
    }
}

static void only_devices_are_resolved(void **state)
{
    auto_mem char *device = NULL, *none = NULL;
    auto_err struct err *missing = NULL, *elsewhere = NULL;

    assert_true(block_device_resolve("/dev/null", &device, NULL));
    assert_string_equal(device, "/dev/null");
    assert_false(block_device_resolve("/dev/clima-nosuch", &none, &missing));
    assert_int_equal(err_kind(missing), ERR_NOT_FOUND);
    assert_false(block_device_resolve("/etc/passwd", &none, &elsewhere));
    assert_int_equal(err_kind(elsewhere), ERR_INVALID);
}

static void what_is_no_block_device_is_not_opened(void **state)
{
    auto_err struct err *err = NULL;
    int fd;

    assert_false(block_device_open("/dev/null", temp_dir, &fd, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serials_are_short_and_plain),
        cmocka_unit_test(rules_name_user_program_and_device),
        cmocka_unit_test(only_devices_are_resolved),
        cmocka_unit_test(what_is_no_block_device_is_not_opened),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
