#include "prog/guestagent/disk_links.h"

#include <unistd.h>

#include "tree.h"

static bool sync_both(void)
{
    auto_mem char *sys_dir = temp_path("block"), *dir = temp_path("dev/disk/by-id");

    return disk_links_sync(sys_dir, dir, NULL);
}

static void assert_link(const char *name, const char *target)
{
    auto_mem char *path = temp_path(name);
    char text[64] = "";

    if (target)
        assert_true(readlink(path, text, sizeof(text) - 1) > 0);
    else
        assert_int_equal(readlink(path, text, sizeof(text) - 1), -1);
    assert_string_equal(text, target ? target : "");
}

static void links_agree_with_the_disks(void **state)
{
    auto_mem char *gone = temp_path("block/vdb"), *dir = temp_path("dev/disk/by-id");

    tree_put("block/vda/size", "8");
    assert_true(sync_both());
    assert_false(dir_exists(dir)); /* none has a serial */

    tree_put("block/vdb/serial", "data\n");
    tree_put("block/vdc/serial", "sdb.1");
    tree_put("block/vdd/serial", "../x");
    tree_put("block/vde/serial", "");
    tree_put("dev/disk/by-id/usb-x", "of somebody else");
    assert_true(sync_both());
    assert_link("dev/disk/by-id/virtio-data", "../../vdb");
    assert_link("dev/disk/by-id/virtio-sdb.1", "../../vdc");
    assert_link("dev/disk/by-id/virtio-", NULL);

    assert_true(dir_remove_tree(gone, NULL));
    tree_put("block/vdc/serial", "data");
    assert_true(sync_both());
    assert_link("dev/disk/by-id/virtio-data", "../../vdc");
    assert_link("dev/disk/by-id/virtio-sdb.1", NULL);
    assert_true(tree_stat("dev/disk/by-id/usb-x").st_size > 0);
}

static void a_folder_that_cannot_be_read_is_told(void **state)
{
    auto_err struct err *err = NULL;

    assert_false(disk_links_sync("/nowhere", temp_dir, &err));
    assert_non_null(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_agree_with_the_disks),
        cmocka_unit_test(a_folder_that_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
