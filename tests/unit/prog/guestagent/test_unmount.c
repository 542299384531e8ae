#include "prog/guestagent/unmount.h"

#include "unit_test.h"

static void what_others_serve_is_apart(void **state)
{
    struct unmount_plan plan = { 0 };

    unmount_plan_parse(
        SV("20 1 8:0 / / rw shared:0 - ext4 /dev/vda rw\n"
           "21 1 8:1 / /run rw shared:1 - tmpfs tmpfs rw\n"
           "22 1 0:4 mnt:[4026532400] /run/lima-mounts/namespace/mnt rw - nsfs nsfs rw\n"
           "23 1 8:3 / /mnt/a\\040b rw shared:3 - virtiofs none rw\n"
           "24 1 8:4 / /mnt/a\\040b/disk rw shared:4 - ext4 /dev/vdc rw\n"
           "25 1 8:5 / /mnt/a rw shared:5 - ext4 /dev/vdd rw\n"
           "26 1 8:6 / /mnt/nine rw shared:6 - 9p mount0 rw\n"
           "27 1 8:7 / /mnt/ssh rw shared:7 - fuse.sshfs u@h: rw\n"
           "a broken-line\n"
           "29 1 8:9 / /mnt/nines rw shared:9 - xfs /dev/vde rw\n"),
        &plan);

    auto_mem char *own = strv_join(&plan.own, "|");
    auto_mem char *served = strv_join(&plan.served, "|");

    assert_string_equal(own, "/|/run|/mnt/a|/mnt/nines");
    assert_string_equal(served,
                        "/run/lima-mounts/namespace/mnt|/mnt/a b|/mnt/a b/disk|/mnt/nine|/mnt/ssh");
    unmount_plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_serve_is_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
