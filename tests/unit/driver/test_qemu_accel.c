/* Runs the test guests under emulation, where QEMU is installed, and fakes of QEMU. */
#include "driver/qemu/accel.h"

#include "driver/qemu/exe.h"
#include "driver/qemu/features.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void guest_runs_under_emulation(const char *arch_name)
{
    const struct qemu_arch *arch = qemu_arch_find(arch_name);
    auto_qemu_exe struct qemu_exe exe = { 0 };
    auto_err struct err *err = NULL;

    if (!qemu_exe_find(arch, &exe, NULL))
        skip();
    if (!qemu_accel_try(&exe.words, arch, QEMU_ACCEL_TCG, &err))
        fail_msg("%s", err_text(err));
}

static void x86_64_guest_runs_under_emulation(void **state)
{
    guest_runs_under_emulation("x86_64");
}

static void aarch64_guest_runs_under_emulation(void **state)
{
    guest_runs_under_emulation("aarch64");
}

static bool try_fake(const char *script, struct err **errp)
{
    auto_mem char *path = temp_path("qemu");
    auto_strv struct strv words = { 0 };

    assert_true(file_write_atomic(path, sv_of(script), 0755, NULL));
    strv_push(&words, path);
    return qemu_accel_try(&words, qemu_arch_find("x86_64"), QEMU_ACCEL_KVM, errp);
}

static void any_other_status_is_a_failure(void **state)
{
    auto_err struct err *err = NULL;

    assert_true(try_fake("#!/bin/sh\nexit 67\n", NULL));
    assert_false(try_fake("#!/bin/sh\necho 'no\tkvm for you' >&2; exit 1\n", &err));
    assert_int_equal(err_kind(err), ERR_CHILD);
    assert_non_null(strstr(err_text(err), "status 1"));
    assert_non_null(strstr(err_text(err), "kvm for you"));
}

static void guest_that_hangs_runs_into_the_deadline(void **state)
{
    auto_err struct err *err = NULL;

    assert_false(try_fake("#!/bin/sh\nexec sleep 1000\n", &err));
    assert_int_equal(err_kind(err), ERR_TIMEOUT);
    assert_string_equal(err_text(err), "a test guest hung under kvm");
}

static void missing_device_has_a_remedy(void **state)
{
    auto_mem char *path = temp_path("kvm");
    auto_err struct err *err = NULL;

    assert_false(qemu_accel_check_device(path, &err));
    assert_int_equal(err_kind(err), ERR_NOT_FOUND);
    assert_non_null(err_hint_text(err));
    assert_true(file_write_atomic(path, SV(""), 0600, NULL));
    assert_true(qemu_accel_check_device(path, NULL));
}

static void binary_is_asked_over_qmp(void **state)
{
    auto_qemu_exe struct qemu_exe exe = { 0 };
    struct qemu_features f = { 0 };

    if (!qemu_exe_find(qemu_arch_find("x86_64"), &exe, NULL))
        skip();
    assert_true(qemu_features_probe(&exe.words, &f, NULL));
    assert_true(f.version.major >= 4);
    assert_true(f.tcg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x86_64_guest_runs_under_emulation),
        cmocka_unit_test(aarch64_guest_runs_under_emulation),
        cmocka_unit_test(any_other_status_is_a_failure),
        cmocka_unit_test(guest_that_hangs_runs_into_the_deadline),
        cmocka_unit_test(missing_device_has_a_remedy),
        cmocka_unit_test(binary_is_asked_over_qmp),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
