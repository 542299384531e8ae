#include "prog/guestagent/unit.h"

#include "unit_test.h"

static void defaults_leave_no_options(void **state)
{
    auto_sb struct sb a = { 0 }, b = { 0 };

    unit_render_daemon(&(struct unit_options){ .program = "/p", .socket_owner = UNIT_OWNER_UNSET },
                       &a);
    unit_render_daemon(&(struct unit_options){ .program = "/p",
                                               .socket_owner = UNIT_OWNER_UNSET,
                                               .vsock_port = 2222,
                                               .virtio_port = "io.lima-vm.guest_agent.0" },
                       &b);
    assert_string_equal(sb_str(&a), sb_str(&b));
    assert_non_null(strstr(sb_str(&a), "\nExecStart=/p daemon --runtime-dir=%t/%N\n"));
    assert_non_null(strstr(sb_str(&a), "\nSlice=-.slice\nCPUWeight=1000\n"));
}

static void everything_else_is_passed_on(void **state)
{
    auto_sb struct sb out = { 0 };

    unit_render_daemon(&(struct unit_options){ .program = "/p",
                                               .socket_owner = 1000,
                                               .vsock_port = 99,
                                               .virtio_port = "x",
                                               .debug = true },
                       &out);
    assert_non_null(
        strstr(sb_str(&out), " --vsock-port=99 --virtio-port=x --socket-owner=1000 --debug\n"));
}

static void boot_scripts_run_only_with_a_seed(void **state)
{
    auto_sb struct sb out = { 0 };

    unit_render_boot("/p", &out);
    assert_non_null(strstr(sb_str(&out), "\nConditionPathExists=/mnt/lima-cidata/boot.sh\n"));
    assert_non_null(strstr(sb_str(&out), "\nExecStart=/p boot\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_leave_no_options),
        cmocka_unit_test(everything_else_is_passed_on),
        cmocka_unit_test(boot_scripts_run_only_with_a_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
