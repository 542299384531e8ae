#include "prog/guestagent/unmount.h"

#include "unit_test.h"

static void what_others_serve_is_apart(void **state)
{
    struct unmount_plan plan = { 0 };

    unmount_plan_parse(SV("/dev/vda / ext4 rw 0 0\n"
                          "tmpfs /run tmpfs rw 0 0\n"
                          "lima /run/lima-mounts/all virtiofs rw 0 0\n"
                          "none /mnt/a\\040b virtiofs ro 0 0\n"
                          "/dev/vdc /mnt/a\\040b/disk ext4 rw 0 0\n"
                          "/dev/vdd /mnt/a ext4 rw 0 0\n"
                          "mount0 /mnt/nine 9p rw 0 0\n"
                          "u@h: /mnt/ssh fuse.sshfs rw 0 0\n"
                          "a broken-line\n"
                          "/dev/vde /mnt/nines xfs rw 0 0"),
                       &plan);

    auto_mem char *own = strv_join(&plan.own, "|");
    auto_mem char *served = strv_join(&plan.served, "|");

    assert_string_equal(own, "/|/run|/mnt/a|/mnt/nines");
    assert_string_equal(served, "/run/lima-mounts/all|/mnt/a b|/mnt/a b/disk|/mnt/nine|/mnt/ssh");
    unmount_plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_serve_is_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
