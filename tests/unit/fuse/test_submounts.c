/* Which exports are file systems of their own to the guest, and how it lets go of the one that is
 * not. */
#include "fuse_fixture.h"

static void an_export_root_is_the_top_of_a_file_system(void **state)
{
    auto_mem char *path = in_top("");
    uint64_t top, dir;

    host_mkdir("d");
    assert_true(export_dir("second", path, true));
    top = node_of(FUSE_ROOT_ID, "second");
    assert_int_equal(entry().attr.flags & FUSE_ATTR_SUBMOUNT, FUSE_ATTR_SUBMOUNT);
    dir = node_of(top, "d");
    assert_true(dir != top);
    assert_int_equal(entry().attr.flags & FUSE_ATTR_SUBMOUNT, 0);
    /* From below and of itself it is no mount point: the guest is in that file system already, and
     * looks for a directory of it by its number. */
    assert_true(node_of(dir, "..") == top);
    assert_int_equal(entry().attr.flags & FUSE_ATTR_SUBMOUNT, 0);
    assert_true(node_of(top, ".") == top);
    assert_int_equal(entry().attr.flags & FUSE_ATTR_SUBMOUNT, 0);
}

static bool is_submount(const char *name)
{
    uint64_t node = node_of(FUSE_ROOT_ID, name);
    bool is = entry().attr.flags & FUSE_ATTR_SUBMOUNT;

    forget(node, 1);
    return is;
}

static void one_writable_export_at_a_time_lies_in_the_file_system_of_the_root(void **state)
{
    auto_mem char *path = in_top("");
    uint64_t f, fh;

    assert_true(export_dir("ro", path, true));
    assert_true(export_dir("rw", path, false));
    assert_false(is_submount("top"));
    assert_true(is_submount("ro"));
    assert_true(is_submount("rw"));
    /* What the guest still has of it would share a device number with its successor. */
    assert_int_equal(create(guest.top, "f", O_RDWR, 0600, &f, &fh), 0);
    assert_int_equal(release(f, fh), 0);
    assert_true(fuse_server_remove(guest.server, "top", NULL));
    assert_true(export_dir("rw2", path, false));
    assert_true(is_submount("rw2"));
    forget(f, 1);
    forget(guest.top, 1);
    assert_true(export_dir("ro2", path, true));
    assert_true(is_submount("ro2"));
    assert_true(export_dir("rw3", path, false));
    assert_false(is_submount("rw3"));
    assert_true(is_submount("rw"));
    /* The same for one that is detached. */
    f = node_of(FUSE_ROOT_ID, "rw3");
    assert_true(fuse_server_detach(guest.server, "rw3", NULL));
    assert_true(export_dir("rw4", path, false));
    assert_true(is_submount("rw4"));
    forget(f, 1);
    assert_true(export_dir("rw5", path, false));
    assert_false(is_submount("rw5"));
}

static void names_that_may_be_believed_for_long_do_not_lie_in_the_file_system_of_the_root(
    void **state)
{
    static const struct fuse_export_options never[] = {
        { .name = "told", .tells_changes = true },
        { .name = "always", .cache = FUSE_CACHE_ALWAYS },
    };
    auto_mem char *path = in_top("");
    struct err *err = NULL;

    assert_true(fuse_server_remove(guest.server, "top", NULL));
    forget(guest.top, 1);
    for (size_t i = 0; i < COUNT(never); i++) {
        assert_true(fuse_server_add(guest.server, &never[i], open(path, O_PATH), &err));
        assert_true(is_submount(never[i].name));
    }
    assert_true(export_dir("rw", path, false));
    assert_false(is_submount("rw"));
}

static void an_export_is_denied_once_when_it_is_to_be_dropped(void **state)
{
    uint64_t node;

    assert_int_equal(lookup(FUSE_ROOT_ID, ".lima-drop-nothing", &node), -ENOENT);
    assert_int_equal(lookup(FUSE_ROOT_ID, ".lima-drop-top", &node), -ENOENT);
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &node), -ENOENT);
    assert_true(node_of(FUSE_ROOT_ID, "top") == guest.top);
    assert_true(node_of(guest.top, ".") == guest.top);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        guest_test(an_export_root_is_the_top_of_a_file_system),
        guest_test(one_writable_export_at_a_time_lies_in_the_file_system_of_the_root),
        guest_test(names_that_may_be_believed_for_long_do_not_lie_in_the_file_system_of_the_root),
        guest_test(an_export_is_denied_once_when_it_is_to_be_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
