/* Names: looking up, making, moving, removing; nodes that are remembered and forgotten. */
#include "fuse_fixture.h"

#include <linux/fs.h>

static void lookup_tells_type_size_and_swapped_owner(void **state)
{
    struct fuse_attr attr;
    uint64_t node;

    host_write("f", "hello");
    node = node_of(guest.top, "f");
    assert_true(node > FUSE_ROOT_ID);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.size, 5);
    assert_int_equal(attr.mode, S_IFREG | 0644);
    assert_int_equal(attr.uid, GUEST_UID);
    assert_int_equal(attr.gid, GUEST_GID);
    assert_int_equal(lookup(guest.top, "g", &node), -ENOENT);
}

static void names_of_one_file_are_one_node(void **state)
{
    uint64_t a, b;

    host_write("a", "");
    a = node_of(guest.top, "a");
    assert_int_equal(link_to(a, guest.top, "b"), 0);
    assert_true(entry().nodeid == a);
    assert_int_equal(entry().attr.nlink, 2);
    b = node_of(guest.top, "b");
    assert_true(a == b);
    assert_int_equal(ask_name(FUSE_UNLINK, guest.top, "a"), 0);
    assert_int_equal(getattr(b, &(struct fuse_attr){ 0 }), 0);
}

static void a_forgotten_node_is_stale_and_its_number_not_used_again(void **state)
{
    size_t n_nodes = fuse_server_counts(guest.server).nodes;
    struct fuse_attr attr;
    uint64_t first, again;

    host_write("f", "");
    first = node_of(guest.top, "f");
    assert_true(node_of(guest.top, "f") == first);
    forget(first, 1);
    assert_int_equal(getattr(first, &attr), 0);
    forget(first, 1);
    assert_int_equal(getattr(first, &attr), -ESTALE);
    assert_int_equal(fuse_server_counts(guest.server).nodes, n_nodes);
    again = node_of(guest.top, "f");
    assert_true(again != first);
    forget(again, 1000); /* more than it was looked up */
    assert_int_equal(getattr(again, &attr), -ESTALE);
    assert_int_equal(getattr(guest.top, &attr), 0);
}

static void a_directory_outlives_its_forget_while_children_are_known(void **state)
{
    size_t n_nodes = fuse_server_counts(guest.server).nodes;
    struct fuse_attr attr;
    uint64_t dir, file;

    host_mkdir("d");
    host_write("d/f", "x");
    dir = node_of(guest.top, "d");
    file = node_of(dir, "f");
    forget(dir, 1);
    assert_int_equal(getattr(file, &attr), 0);
    forget(file, 1);
    assert_int_equal(fuse_server_counts(guest.server).nodes, n_nodes);
}

static void many_forgets_come_at_once(void **state)
{
    struct fuse_batch_forget_in in = { .count = 2 };
    struct fuse_forget_one items[2] = { { .nlookup = 1 }, { .nlookup = 1 } };
    struct fuse_attr attr;

    host_write("a", "");
    host_write("b", "");
    items[0].nodeid = node_of(guest.top, "a");
    items[1].nodeid = node_of(guest.top, "b");
    begin(FUSE_BATCH_FORGET, 0);
    put(&in, sizeof(in));
    put(items, sizeof(items));
    assert_int_equal(ask(), 0);
    assert_int_equal(guest.reply_len, 0);
    assert_int_equal(getattr(items[0].nodeid, &attr), -ESTALE);
    assert_int_equal(getattr(items[1].nodeid, &attr), -ESTALE);
}

static void a_file_replaced_on_the_host_is_stale(void **state)
{
    struct fuse_attr attr;
    uint64_t old, fresh;

    host_write("f", "old");
    old = node_of(guest.top, "f");
    host_write("f.new", "fresh");
    host_rename("f.new", "f");
    assert_int_equal(getattr(old, &attr), -ESTALE);
    fresh = node_of(guest.top, "f");
    assert_true(fresh != old);
    assert_int_equal(getattr(fresh, &attr), 0);
    assert_int_equal(attr.size, 5);
}

static void a_directory_moved_on_the_host_is_found_again_by_lookup(void **state)
{
    struct fuse_attr attr;
    uint64_t dir, file;

    host_mkdir("d");
    host_write("d/f", "1234");
    dir = node_of(guest.top, "d");
    file = node_of(dir, "f");
    host_rename("d", "e");
    assert_true(node_of(guest.top, "e") == dir);
    assert_int_equal(getattr(file, &attr), 0);
    assert_int_equal(attr.size, 4);
}

static void rename_moves_nodes_with_their_names(void **state)
{
    struct fuse_attr attr;
    uint64_t dir, file, inner;

    host_mkdir("d");
    host_mkdir("sub");
    host_write("sub/inner", "i");
    host_write("f", "moved");
    dir = node_of(guest.top, "d");
    file = node_of(guest.top, "f");
    inner = node_of(node_of(guest.top, "sub"), "inner");
    assert_int_equal(rename_to(guest.top, "f", dir, "g", 0), 0);
    assert_int_equal(rename_to(guest.top, "sub", dir, "sub", 0), 0);
    assert_true(host_has("d/g", "moved") && host_has("d/sub/inner", "i"));
    assert_int_equal(getattr(file, &attr), 0);
    assert_int_equal(getattr(inner, &attr), 0);
    assert_true(node_of(dir, "g") == file);
    assert_int_equal(lookup(guest.top, "f", &file), -ENOENT);
}

static void rename_flags_are_those_of_renameat2(void **state)
{
    uint64_t a, b;

    host_write("a", "A");
    host_write("b", "B");
    a = node_of(guest.top, "a");
    b = node_of(guest.top, "b");
    assert_int_equal(rename_to(guest.top, "a", guest.top, "b", RENAME_NOREPLACE), -EEXIST);
    assert_int_equal(rename_to(guest.top, "a", guest.top, "b", RENAME_EXCHANGE), 0);
    assert_true(host_has("a", "B") && host_has("b", "A"));
    assert_true(node_of(guest.top, "b") == a && node_of(guest.top, "a") == b);
    assert_int_equal(rename_to(guest.top, "a", guest.top, "b", RENAME_WHITEOUT), -EINVAL);
    assert_int_equal(rename_to(guest.top, "a", guest.top, "b", 0), 0);
    assert_true(!host_exists("a") && host_has("b", "B"));
    assert_int_equal(rename_to(guest.top, "a", guest.top, "b", 0), -ENOENT);
}

static void old_rename_has_no_flags(void **state)
{
    struct fuse_rename_in in = { .newdir = guest.top };

    host_write("a", "A");
    begin(FUSE_RENAME, guest.top);
    put(&in, sizeof(in));
    put_text("a");
    put_text("z");
    assert_int_equal(ask(), 0);
    assert_true(host_has("z", "A"));
}

static void directories_are_made_and_removed(void **state)
{
    uint64_t dir;

    assert_int_equal(make_dir(guest.top, "d", 0750), 0);
    assert_int_equal(entry().attr.mode, S_IFDIR | 0750);
    assert_int_equal(make_dir(guest.top, "d", 0755), -EEXIST);
    dir = node_of(guest.top, "d");
    assert_int_equal(make_dir(dir, "e", 0755), 0);
    assert_int_equal(ask_name(FUSE_RMDIR, guest.top, "d"), -ENOTEMPTY);
    assert_int_equal(ask_name(FUSE_UNLINK, dir, "e"), -EISDIR);
    assert_int_equal(ask_name(FUSE_RMDIR, dir, "e"), 0);
    assert_int_equal(ask_name(FUSE_RMDIR, guest.top, "d"), 0);
    assert_false(host_exists("d"));
    assert_int_equal(make_dir(dir, "late", 0755), -ENOENT);
}

static void nodes_of_any_harmless_type_can_be_made(void **state)
{
    static const struct {
        uint32_t mode;
        int rc;
    } cases[] = { { S_IFREG | 0600, 0 },      { S_IFIFO | 0600, 0 },      { S_IFSOCK | 0600, 0 },
                  { S_IFCHR | 0600, -EPERM }, { S_IFBLK | 0600, -EPERM }, { S_IFDIR, -EPERM } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fuse_mknod_in in = { .mode = cases[i].mode, .rdev = 0x103 };
        auto_mem char *name = mem_printf("n%zu", i);

        begin(FUSE_MKNOD, guest.top);
        put(&in, sizeof(in));
        put_text(name);
        check_row(ask() == cases[i].rc, name);
        check_row(host_exists(name) == (cases[i].rc == 0), name);
    }
}

static void set_user_id_bits_do_not_reach_the_host(void **state)
{
    uint64_t node, fh;

    assert_int_equal(create(guest.top, "f", O_RDWR, 06755, &node, &fh), 0);
    assert_int_equal(entry().attr.mode, S_IFREG | 0755);
    assert_int_equal(setattr(node, (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 04711 }),
                     0);
    assert_int_equal(getattr(node, &(struct fuse_attr){ 0 }), 0);

    auto_mem char *path = in_top("f");
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0711);
}

static void links_keep_their_target_and_are_never_followed(void **state)
{
    struct fuse_open_in in = { .flags = O_RDWR };
    uint64_t node, fh;

    begin(FUSE_SYMLINK, guest.top);
    put_text("l");
    put_text("../outside");
    assert_int_equal(ask(), 0);
    node = entry().nodeid;
    assert_int_equal(entry().attr.mode & S_IFMT, S_IFLNK);
    begin(FUSE_READLINK, node);
    assert_int_equal(ask(), 0);
    assert_int_equal(guest.reply_len, 10);
    assert_memory_equal(answer(), "../outside", 10);
    begin(FUSE_OPEN, node);
    put(&in, sizeof(in));
    assert_int_equal(ask(), -ENXIO);
    assert_int_equal(create(guest.top, "l", O_RDWR, 0644, &node, &fh), -ELOOP);
    assert_int_equal(setattr(node_of(guest.top, "l"),
                             (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0600 }),
                     -EOPNOTSUPP);
    host_write("f", "");
    begin(FUSE_READLINK, node_of(guest.top, "f"));
    assert_int_equal(ask(), -EINVAL);
}

static void odd_names_are_names(void **state)
{
    char long_name[256];
    static const char *const names[] = { " ", "...", "-rf", "a\nb", "\xff\xfe", "ü", "\\", "a:b" };

    memset(long_name, 'n', 255);
    long_name[255] = 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        check_row(make_dir(guest.top, names[i], 0755) == 0, names[i]);
        check_row(host_exists(names[i]), names[i]);
    }
    assert_int_equal(make_dir(guest.top, long_name, 0755), 0);
    assert_true(host_exists(long_name));
}

static void what_is_no_name_is_refused(void **state)
{
    char too_long[300];
    uint64_t node;
    static const char *const names[] = { "", ".", "..", "a/b", "/", "/etc", "../x", "a/" };

    memset(too_long, 'n', 256);
    too_long[256] = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        check_row(make_dir(guest.top, names[i], 0755) == -EINVAL, names[i]);
    assert_int_equal(make_dir(guest.top, too_long, 0755), -ENAMETOOLONG);
    assert_int_equal(lookup(guest.top, too_long, &node), -ENAMETOOLONG);
    /* A NUL inside: two texts where one is expected. */
    begin(FUSE_UNLINK, guest.top);
    put("a\0b", 4);
    assert_int_equal(ask(), -EINVAL);
    /* No terminator. */
    begin(FUSE_UNLINK, guest.top);
    put("abc", 3);
    assert_int_equal(ask(), -EINVAL);
}

static void dots_lead_up_to_the_root_and_no_further(void **state)
{
    uint64_t dir;

    host_mkdir("d");
    dir = node_of(guest.top, "d");
    assert_true(node_of(dir, "..") == guest.top);
    assert_true(node_of(dir, ".") == dir);
    assert_true(node_of(guest.top, "..") == FUSE_ROOT_ID);
    assert_true(node_of(FUSE_ROOT_ID, "..") == FUSE_ROOT_ID);
}

static void directories_are_read_in_parts_without_loss(void **state)
{
    enum { N = 300 };
    static const uint32_t opcodes[] = { FUSE_READDIR, FUSE_READDIRPLUS };
    uint64_t dir;

    host_mkdir("d");
    for (unsigned i = 0; i < N; i++) {
        auto_mem char *name = mem_printf("d/entry-%u", i);

        host_write(name, "");
    }
    dir = node_of(guest.top, "d");
    for (size_t i = 0; i < COUNT(opcodes); i++) {
        auto_sb struct sb names = { 0 };
        unsigned n = 0, n_nodes;

        list_dir(dir, opcodes[i], 1000, &names, &n_nodes);
        for (size_t c = 0; c < names.n; c++)
            n += names.p[c] == '/';
        assert_int_equal(n, N + 2);
        assert_int_equal(n_nodes, opcodes[i] == FUSE_READDIRPLUS ? N : 0);
        for (unsigned k = 0; k < N; k++) {
            auto_mem char *name = mem_printf("/entry-%u/", k);

            check_row(strstr(sb_str(&names), name), name);
        }
    }
}

static void readdirplus_counts_as_lookup(void **state)
{
    auto_sb struct sb names = { 0 };
    size_t before;
    unsigned n_nodes;
    uint64_t node;

    host_write("f", "");
    before = fuse_server_counts(guest.server).nodes;
    list_dir(guest.top, FUSE_READDIRPLUS, 4096, &names, &n_nodes);
    assert_int_equal(n_nodes, 1);
    assert_int_equal(fuse_server_counts(guest.server).nodes, before + 1);
    node = node_of(guest.top, "f");
    forget(node, 2);
    assert_int_equal(fuse_server_counts(guest.server).nodes, before);
}

static void few_directories_are_kept_open(void **state)
{
    size_t n_open;

    for (unsigned i = 0; i < 2 * FUSE_DIRS_OPEN_MAX; i++) {
        auto_mem char *name = mem_printf("d%u", i);
        auto_mem char *file = mem_printf("d%u/f", i);

        host_mkdir(name);
        host_write(file, "");
        (void)node_of(node_of(guest.top, name), "f");
    }
    n_open = fuse_server_counts(guest.server).dirs_open;
    assert_true(n_open > 0 && n_open <= FUSE_DIRS_OPEN_MAX);
    fuse_server_reset(guest.server);
    assert_int_equal(fuse_server_counts(guest.server).dirs_open, 0);
    assert_int_equal(fuse_server_counts(guest.server).nodes, 2); /* the root and the export */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        guest_test(lookup_tells_type_size_and_swapped_owner),
        guest_test(names_of_one_file_are_one_node),
        guest_test(a_forgotten_node_is_stale_and_its_number_not_used_again),
        guest_test(a_directory_outlives_its_forget_while_children_are_known),
        guest_test(many_forgets_come_at_once),
        guest_test(a_file_replaced_on_the_host_is_stale),
        guest_test(a_directory_moved_on_the_host_is_found_again_by_lookup),
        guest_test(rename_moves_nodes_with_their_names),
        guest_test(rename_flags_are_those_of_renameat2),
        guest_test(old_rename_has_no_flags),
        guest_test(directories_are_made_and_removed),
        guest_test(nodes_of_any_harmless_type_can_be_made),
        guest_test(set_user_id_bits_do_not_reach_the_host),
        guest_test(links_keep_their_target_and_are_never_followed),
        guest_test(odd_names_are_names),
        guest_test(what_is_no_name_is_refused),
        guest_test(dots_lead_up_to_the_root_and_no_further),
        guest_test(directories_are_read_in_parts_without_loss),
        guest_test(readdirplus_counts_as_lookup),
        guest_test(few_directories_are_kept_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
