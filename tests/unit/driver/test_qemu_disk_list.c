/* Disks of a running QEMU, from answers like those of QEMU 7.2. */
#include "driver/qemu/disk_list.h"

#include <string.h>

#include "base/mem.h"
#include "lang/json/json.h"
#include "unit_test.h"

static const char blocks_text[] =
    "[{\"device\":\"boot-disk\",\"qdev\":\"/machine/peripheral-anon/device[3]/virtio-backend\","
    "  \"inserted\":{\"file\":\"/l/i/disk\"}},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/block0/virtio-backend\","
    "  \"inserted\":{\"file\":\"/dev/fdset/0\"}},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/disk-spare2/virtio-backend\","
    "  \"inserted\":{\"file\":\"/dev/fdset/7\"}},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/disk-spare1/virtio-backend\","
    "  \"inserted\":{\"file\":\"/l/_disks/data/datadisk\"}},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/disk-spare\"},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/disk-spareX/virtio-backend\"},"
    " {\"device\":\"\",\"qdev\":\"/machine/peripheral/disk-spare3\"},"
    " {\"device\":\"cidata\"}, 5]";
static const char sets_text[] =
    "[{\"fdset-id\":7,\"fds\":[{\"fd\":20,\"opaque\":\"disk-spare2:/dev/sdb\"}]},"
    " {\"fdset-id\":0,\"fds\":[{\"fd\":12,\"opaque\":\"block0:/dev/disk/by-id/a:b\"}]},"
    " {\"fdset-id\":8,\"fds\":[]}, {\"fdset-id\":\"x\",\"fds\":[{\"opaque\":\"disk-spare9:/x\"}]}]";
static const char buses_text[] =
    "[{\"bus\":0,\"devices\":["
    "  {\"qdev_id\":\"port-vsock\",\"pci_bridge\":{\"devices\":[{\"qdev_id\":\"vsock0\"}]}},"
    "  {\"qdev_id\":\"\"},"
    "  {\"qdev_id\":\"port-spare0\",\"pci_bridge\":{\"devices\":[{\"qdev_id\":\"other\"}]}},"
    "  {\"qdev_id\":\"port-spare1\",\"pci_bridge\":{\"bus\":{}}},"
    "  {\"qdev_id\":\"port-spare2\",\"pci_bridge\":{\"devices\":[{\"qdev_id\":\"disk-spare2\"}]}},"
    "  {\"qdev_id\":\"port-spare3\",\"pci_bridge\":{\"devices\":[]}}]}]";

static json_t *parsed(const char *text)
{
    json_t *doc = json_parse(sv_of(text), NULL);

    assert_non_null(doc);
    return doc;
}

static void own_disks_are_listed_with_their_paths(void **state)
{
    static const struct qemu_attached wanted[] = {
        { "block0", "/dev/disk/by-id/a:b", true },
        { "disk-spare2", "/dev/sdb", true },
        { "disk-spare1", "/l/_disks/data/datadisk", false },
        { "disk-spare3", "", false },
    };
    auto_json json_t *blocks = parsed(blocks_text);
    auto_json json_t *sets = parsed(sets_text);
    auto_qemu_attached_list struct qemu_attached_list list = { 0 };

    qemu_disk_list(blocks, sets, &list);
    assert_int_equal(list.n, COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_string_equal(list.v[i].id, wanted[i].id);
        assert_string_equal(list.v[i].path, wanted[i].path);
        check_row(list.v[i].is_block_device == wanted[i].is_block_device, wanted[i].id);
    }
    assert_true(qemu_disk_is_hot("disk-spare1"));
    assert_false(qemu_disk_is_hot("block0"));
    assert_false(qemu_disk_is_hot("disk-spare"));
}

static void sets_are_found_by_the_device(void **state)
{
    auto_json json_t *sets = parsed(sets_text);
    int64_t set = -1;

    assert_true(qemu_disk_set(sets, "disk-spare2", &set));
    assert_int_equal(set, 7);
    assert_false(qemu_disk_set(sets, "disk-spare", &set));
    assert_false(qemu_disk_set(sets, "disk-spare9", &set)); /* its number is none */
    assert_false(qemu_disk_set(NULL, "disk-spare2", &set));
}

static void a_port_without_device_and_disk_is_free(void **state)
{
    auto_json json_t *blocks = parsed(blocks_text);
    auto_json json_t *sets = parsed(sets_text);
    auto_json json_t *buses = parsed(buses_text);
    auto_json json_t *none = parsed("[{\"bus\":0,\"devices\":[{\"qdev_id\":\"port-vsock\"}]}]");
    auto_qemu_attached_list struct qemu_attached_list list = { 0 }, empty = { 0 };
    auto_err struct err *busy = NULL, *unsupported = NULL;
    unsigned port = 99;

    assert_true(qemu_disk_free_port(buses, &empty, &port, NULL));
    assert_int_equal(port, 1);
    qemu_disk_list(blocks, sets, &list);
    assert_false(qemu_disk_free_port(buses, &list, &port, &busy));
    assert_int_equal(err_kind(busy), ERR_BUSY);
    assert_false(qemu_disk_free_port(none, &empty, &port, &unsupported));
    assert_int_equal(err_kind(unsupported), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_disks_are_listed_with_their_paths),
        cmocka_unit_test(sets_are_found_by_the_device),
        cmocka_unit_test(a_port_without_device_and_disk_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
