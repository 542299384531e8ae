#include "driver/qemu/exe.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void put_program(const char *path)
{
    auto_mem char *dir = path_dir(path);

    assert_true(dir_make_all(dir, 0755, NULL));
    assert_true(file_write_atomic(path, SV("#!/bin/sh\n"), 0755, NULL));
}

static void program_is_looked_up_in_path(void **state)
{
    auto_mem char *real = temp_path("store/abc/bin/qemu-system-arm");
    auto_mem char *bin = temp_path("profile/bin");
    auto_mem char *link = path_join(bin, "qemu-system-arm");
    auto_mem char *prefix = temp_path("profile");
    auto_mem char *real_prefix = temp_path("store/abc");
    auto_qemu_exe struct qemu_exe exe = { 0 };

    put_program(real);
    assert_true(dir_make_all(bin, 0755, NULL));
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(setenv("PATH", bin, 1), 0);
    assert_true(qemu_exe_find(qemu_arch_find("armv7l"), &exe, NULL));
    assert_int_equal(exe.words.n, 1);
    assert_string_equal(exe.words.v[0], link);
    assert_string_equal(exe.prefix, prefix);
    assert_string_equal(exe.real_prefix, real_prefix);
}

static void variable_replaces_it_and_adds_words(void **state)
{
    auto_mem char *path = temp_path("my qemu");
    auto_mem char *value = mem_printf("'%s' -m 2G", path);
    auto_qemu_exe struct qemu_exe exe = { 0 };

    put_program(path);
    assert_int_equal(setenv("QEMU_SYSTEM_X86_64", value, 1), 0);
    assert_true(qemu_exe_find(qemu_arch_find("x86_64"), &exe, NULL));
    assert_int_equal(exe.words.n, 3);
    assert_string_equal(exe.words.v[0], path);
    assert_string_equal(exe.words.v[2], "2G");
}

static void broken_variable_is_named(void **state)
{
    static const char *const values[] = { "'open", "  " };

    for (size_t i = 0; i < COUNT(values); i++) {
        auto_err struct err *err = NULL;
        struct qemu_exe exe;

        assert_int_equal(setenv("QEMU_SYSTEM_X86_64", values[i], 1), 0);
        assert_false(qemu_exe_find(qemu_arch_find("x86_64"), &exe, &err));
        check_row(strstr(err_text(err), "QEMU_SYSTEM_X86_64"), values[i]);
    }
    assert_int_equal(unsetenv("QEMU_SYSTEM_X86_64"), 0);
}

static void missing_program_says_what_to_install(void **state)
{
    auto_err struct err *err = NULL;
    struct qemu_exe exe;

    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_false(qemu_exe_find(qemu_arch_find("x86_64"), &exe, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_non_null(strstr(err_text(err), "qemu-system-x86_64"));
    assert_non_null(strstr(err_hint_text(err), "apt-get install"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_is_looked_up_in_path),
        cmocka_unit_test(variable_replaces_it_and_adds_words),
        cmocka_unit_test(broken_variable_is_named),
        cmocka_unit_test(missing_program_says_what_to_install),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
