/* Open files: data, sizes, holes, files without a name, attributes. */
#include "fuse_fixture.h"

#include <sys/xattr.h>

static void written_data_is_read_back(void **state)
{
    uint64_t node, fh;

    assert_int_equal(create(guest.top, "f", O_RDWR, 0640, &node, &fh), 0);
    assert_int_equal(write_at(node, fh, 0, "hello"), 5);
    assert_int_equal(write_at(node, fh, 3, "p me"), 4);
    assert_true(host_has("f", "help me"));
    assert_int_equal(read_at(node, fh, 1, 100), 0);
    assert_int_equal(guest.reply_len, 6);
    assert_memory_equal(answer(), "elp me", 6);
    assert_int_equal(read_at(node, fh, 1, 2), 0);
    assert_int_equal(guest.reply_len, 2);
    assert_int_equal(read_at(node, fh, 100, 2), 0);
    assert_int_equal(guest.reply_len, 0);
    assert_int_equal(release(node, fh), 0);
    assert_int_equal(read_at(node, fh, 0, 2), -EBADF);
    assert_int_equal(fuse_server_counts(guest.server).handles, 0);
}

/* As the driver sends a megabyte: a page per piece, and more pieces than one call takes. */
static void transfers_of_many_pieces_are_whole(void **state)
{
    enum { PIECE = 512, N = 700 };
    static char bytes[N * PIECE], back[N * PIECE];
    struct iovec iov[N + 1];
    struct fuse_out_header out;
    struct fuse_write_out written;
    struct fuse_in_header head = { .opcode = FUSE_READ };
    struct fuse_read_in in = { .size = sizeof(back) };
    char reply[sizeof(out) + sizeof(written)], request[FUSE_WRITE_HEAD_LEN];
    struct fuse_write_in win = { .size = sizeof(bytes) };
    uint64_t node, fh;
    bool ok;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 256);
    assert_int_equal(create(guest.top, "f", O_RDWR, 0640, &node, &fh), 0);
    head = (struct fuse_in_header){ .opcode = FUSE_WRITE,
                                    .nodeid = node,
                                    .len = sizeof(request) + sizeof(bytes) };
    win.fh = in.fh = fh;
    memcpy(request, &head, sizeof(head));
    memcpy(request + sizeof(head), &win, sizeof(win));
    iov[0] = (struct iovec){ request, sizeof(request) };
    for (size_t i = 0; i < N; i++)
        iov[i + 1] = (struct iovec){ bytes + i * PIECE, PIECE };

    const struct iovec room = { reply, sizeof(reply) };

    assert_int_equal(fuse_server_run(guest.server, iov, N + 1, &room, 1, &ok), sizeof(reply));
    memcpy(&out, reply, sizeof(out));
    memcpy(&written, reply + sizeof(out), sizeof(written));
    assert_true(ok && out.error == 0 && written.size == sizeof(bytes));

    head = (struct fuse_in_header){ .opcode = FUSE_READ,
                                    .nodeid = node,
                                    .len = sizeof(head) + sizeof(in) };
    memcpy(request, &head, sizeof(head));
    memcpy(request + sizeof(head), &in, sizeof(in));
    iov[0] = (struct iovec){ &out, sizeof(out) };
    for (size_t i = 0; i < N; i++)
        iov[i + 1] = (struct iovec){ back + i * PIECE, PIECE };

    const struct iovec question = { request, head.len };

    assert_int_equal(fuse_server_run(guest.server, &question, 1, iov, N + 1, &ok),
                     sizeof(out) + sizeof(back));
    assert_true(ok && out.error == 0);
    assert_memory_equal(back, bytes, sizeof(back));
}

static void appending_goes_to_the_end_but_not_for_mapped_pages(void **state)
{
    uint64_t node, fh;

    host_write("f", "abc");
    node = node_of(guest.top, "f");
    assert_int_equal(open_as(FUSE_OPEN, node, O_RDWR | O_APPEND, &fh), 0);
    assert_int_equal(write_with(node, fh, 0, SV("d"), O_RDWR | O_APPEND, 0), 1);
    assert_true(host_has("f", "abcd"));
    assert_int_equal(write_with(node, fh, 0, SV("X"), O_RDWR | O_APPEND, FUSE_WRITE_CACHE), 1);
    assert_true(host_has("f", "Xbcd"));
}

static void flags_of_open_are_kept(void **state)
{
    uint64_t node, fh, other;

    host_write("f", "abc");
    node = node_of(guest.top, "f");
    assert_int_equal(open_as(FUSE_OPEN, node, O_RDONLY, &fh), 0);
    assert_int_equal(write_at(node, fh, 0, "x"), -EBADF);
    assert_int_equal(open_as(FUSE_OPEN, node, O_WRONLY | O_TRUNC, &fh), 0);
    assert_true(host_has("f", ""));
    assert_int_equal(create(guest.top, "f", O_RDWR | O_EXCL, 0644, &other, &fh), -EEXIST);
    assert_int_equal(create(guest.top, "f", O_RDWR, 0644, &other, &fh), 0);
    assert_true(other == node);
    assert_int_equal(open_as(FUSE_OPEN, guest.top, O_RDONLY, &fh), -EISDIR);
    assert_int_equal(open_as(FUSE_OPENDIR, node, O_RDONLY, &fh), -ENOTDIR);
}

static void a_file_is_created_for_writing_even_if_its_mode_forbids_it(void **state)
{
    uint64_t node, fh;

    assert_int_equal(create(guest.top, "object", O_RDWR | O_EXCL, 0444, &node, &fh), 0);
    assert_int_equal(write_at(node, fh, 0, "data"), 4);
    assert_true(host_has("object", "data"));
}

static void an_unlinked_file_lives_while_it_is_open(void **state)
{
    struct fuse_attr attr;
    uint64_t node, fh, again;

    assert_int_equal(create(guest.top, "f", O_RDWR, 0600, &node, &fh), 0);
    assert_int_equal(write_at(node, fh, 0, "still here"), 10);
    assert_int_equal(ask_name(FUSE_UNLINK, guest.top, "f"), 0);
    assert_false(host_exists("f"));
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.nlink, 0);
    assert_int_equal(attr.size, 10);
    assert_int_equal(
        setattr(node,
                (struct fuse_setattr_in){ .valid = FATTR_SIZE | FATTR_FH, .fh = fh, .size = 5 }),
        0);
    assert_int_equal(setattr(node, (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0640 }),
                     0);
    assert_int_equal(read_at(node, fh, 0, 100), 0);
    assert_int_equal(guest.reply_len, 5);
    assert_int_equal(open_as(FUSE_OPEN, node, O_RDONLY, &again), 0);
    assert_int_equal(write_at(node, again, 0, "x"), -EBADF);
    assert_int_equal(release(node, fh), 0);
    assert_int_equal(read_at(node, again, 0, 100), 0);
    assert_int_equal(guest.reply_len, 5);
    assert_int_equal(open_as(FUSE_OPEN, node, O_RDWR, &fh), 0); /* the descriptor is the same */
    assert_int_equal(release(node, fh), 0);
    assert_int_equal(release(node, again), 0);
    assert_int_equal(getattr(node, &attr), -ESTALE);
}

/* Open descriptors of files that have no name any more. */
static unsigned count_nameless(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++) {
        struct stat st;

        n += fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0;
    }
    return n;
}

static void a_removed_file_is_freed_after_the_answer(void **state)
{
    const unsigned before = count_nameless();
    uint64_t node;

    host_write("a", "data");
    host_write("b", "data");
    host_write("c", "data");
    assert_int_equal(lookup(guest.top, "a", &node), 0);
    assert_int_equal(lookup(guest.top, "b", &node), 0);
    assert_int_equal(ask_name(FUSE_UNLINK, guest.top, "a"), 0);
    assert_int_equal(count_nameless(), before + 1);
    fuse_server_finish(guest.server);
    assert_int_equal(count_nameless(), before);
    assert_int_equal(rename_to(guest.top, "c", guest.top, "b", 0), 0);
    assert_int_equal(count_nameless(), before + 1);
    assert_int_equal(lookup(guest.top, "b", &node), 0); /* the next request finds it done */
    assert_int_equal(count_nameless(), before);
}

static void a_temporary_file_has_no_name_until_it_is_linked(void **state)
{
    struct fuse_create_in in = { .flags = O_RDWR, .mode = S_IFREG | 0600 };
    struct fuse_open_out out;
    struct fuse_attr attr;
    uint64_t node;
    int rc;

    begin(FUSE_TMPFILE, guest.top);
    put(&in, sizeof(in));
    put_text("/"); /* as Linux does */
    rc = ask();
    if (rc == -EOPNOTSUPP)
        skip(); /* the file system has none */
    assert_int_equal(rc, 0);
    node = entry().nodeid;
    memcpy(&out, (const char *)answer() + sizeof(struct fuse_entry_out), sizeof(out));
    assert_int_equal(write_at(node, out.fh, 0, "tmp"), 3);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.nlink, 0);
    rc = link_to(node, guest.top, "named");
    assert_true(rc == 0 || rc == -EOPNOTSUPP); /* the latter before Linux 6.10 */
    assert_true(host_has("named", "tmp") == (rc == 0));
    assert_int_equal(release(node, out.fh), 0);
}

static void sizes_and_times_are_set(void **state)
{
    struct fuse_setattr_in in = { .valid = FATTR_SIZE, .size = 3 };
    struct fuse_attr attr;
    uint64_t node;

    host_write("f", "123456");
    node = node_of(guest.top, "f");
    assert_int_equal(setattr(node, in), 0);
    assert_true(host_has("f", "123"));
    in = (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_ATIME,
                                   .atime = 1000000000,
                                   .mtime = 1700000000,
                                   .mtimensec = 123456789 };
    assert_int_equal(setattr(node, in), 0);
    assert_int_equal(getattr(node, &attr), 0);
    assert_true(attr.atime == 1000000000 && attr.mtime == 1700000000);
    assert_int_equal(attr.mtimensec, 123456789);
    /* UTIME_NOW and UTIME_OMIT are not the guest's to give. */
    in.mtimensec = UTIME_OMIT;
    assert_int_equal(setattr(node, in), 0);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.mtimensec, 0);
    in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = UINT64_MAX };
    assert_int_equal(setattr(node, in), -EFBIG);
    assert_int_equal(setattr(guest.top, (struct fuse_setattr_in){ .valid = FATTR_SIZE }), -EINVAL);
}

static void changing_the_owner_is_refused_unless_it_is_kept(void **state)
{
    struct fuse_export_options options = { .name = "kept",
                                           .owners_kept = true,
                                           .host_uid = geteuid(),
                                           .host_gid = getegid(),
                                           .guest_uid = GUEST_UID,
                                           .guest_gid = GUEST_GID };
    struct fuse_setattr_in same = { .valid = FATTR_UID | FATTR_GID,
                                    .uid = GUEST_UID,
                                    .gid = GUEST_GID };
    struct fuse_setattr_in other = { .valid = FATTR_UID, .uid = 33 };
    auto_mem char *top = in_top("");
    auto_mem char *path = in_top("f");
    struct fuse_attr attr;
    uint64_t node;

    host_write("f", "");
    node = node_of(guest.top, "f");
    assert_int_equal(setattr(node, same), 0);
    assert_int_equal(setattr(node, other), -EPERM);
    if (setxattr(path, "user.probe", "", 0, 0) < 0)
        skip(); /* the file system has no attributes */
    assert_true(fuse_server_add(guest.server, &options, open(top, O_PATH | O_CLOEXEC), NULL));
    node = node_of(node_of(FUSE_ROOT_ID, "kept"), "f");
    assert_int_equal(setattr(node, other), 0);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.uid, 33);
    assert_int_equal(attr.gid, GUEST_GID);
    assert_int_equal(setattr(node, same), 0);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.uid, GUEST_UID);
}

static int set_xattr(uint64_t node, const char *name, struct sv value, uint32_t flags)
{
    struct fuse_setxattr_in in = { .size = (uint32_t)value.n, .flags = flags };

    begin(FUSE_SETXATTR, node);
    put(&in, 8);
    put_text(name);
    put(value.p, value.n);
    return ask();
}

static int get_xattr(uint32_t opcode, uint64_t node, const char *name, uint32_t size)
{
    struct fuse_getxattr_in in = { .size = size };

    begin(opcode, node);
    put(&in, sizeof(in));
    if (name)
        put_text(name);
    return ask();
}

static void extended_attributes_of_users_are_kept(void **state)
{
    uint64_t node;
    int rc;

    host_write("f", "");
    node = node_of(guest.top, "f");
    rc = set_xattr(node, "user.a", SV("v\0w"), 0);
    if (rc == -EOPNOTSUPP)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(set_xattr(node, "user.a", SV("x"), XATTR_CREATE), -EEXIST);
    assert_int_equal(set_xattr(guest.top, "user.dir", SV("d"), 0), 0);
    assert_int_equal(get_xattr(FUSE_GETXATTR, node, "user.a", 100), 0);
    assert_int_equal(guest.reply_len, 3);
    assert_memory_equal(answer(), "v\0w", 3);
    assert_int_equal(get_xattr(FUSE_GETXATTR, node, "user.a", 2), -ERANGE);
    assert_int_equal(get_xattr(FUSE_GETXATTR, node, "user.a", 0), 0);
    assert_int_equal(((const struct fuse_getxattr_out *)answer())->size, 3);
    assert_int_equal(get_xattr(FUSE_GETXATTR, node, "user.b", 2), -ENODATA);
    assert_int_equal(get_xattr(FUSE_LISTXATTR, node, NULL, 100), 0);
    assert_int_equal(guest.reply_len, 7);
    assert_memory_equal(answer(), "user.a", 7);
    assert_int_equal(ask_name(FUSE_REMOVEXATTR, node, "user.a"), 0);
    assert_int_equal(get_xattr(FUSE_GETXATTR, node, "user.a", 2), -ENODATA);
}

static void other_extended_attributes_are_not_the_guests(void **state)
{
    static const char *const names[] = { "security.capability", "trusted.x",
                                         "system.posix_acl_access", "user.", "user.clima.owner" };
    uint64_t node;

    host_write("f", "");
    node = node_of(guest.top, "f");
    for (size_t i = 0; i < COUNT(names); i++) {
        check_row(set_xattr(node, names[i], SV("0:0"), 0) == -EOPNOTSUPP, names[i]);
        check_row(get_xattr(FUSE_GETXATTR, node, names[i], 10) == -EOPNOTSUPP, names[i]);
        check_row(ask_name(FUSE_REMOVEXATTR, node, names[i]) == -EOPNOTSUPP, names[i]);
    }
}

static void holes_are_found_and_made(void **state)
{
    struct fuse_lseek_in seek = { .whence = SEEK_DATA };
    struct fuse_fallocate_in hole = { .offset = 0, .length = 4096, .mode = 3 };
    struct fuse_attr attr;
    uint64_t node, fh;
    int rc;

    assert_int_equal(create(guest.top, "f", O_RDWR, 0600, &node, &fh), 0);
    assert_int_equal(write_at(node, fh, 1 << 20, "end"), 3);
    seek.fh = hole.fh = fh;
    begin(FUSE_LSEEK, node);
    put(&seek, sizeof(seek));
    assert_int_equal(ask(), 0);
    assert_true(((const struct fuse_lseek_out *)answer())->offset <= 1 << 20);
    seek.whence = SEEK_CUR;
    begin(FUSE_LSEEK, node);
    put(&seek, sizeof(seek));
    assert_int_equal(ask(), -EINVAL);
    begin(FUSE_FALLOCATE, node);
    put(&hole, sizeof(hole));
    rc = ask();
    assert_true(rc == 0 || rc == -EOPNOTSUPP);
    hole = (struct fuse_fallocate_in){ .fh = fh, .length = 2 << 20 };
    begin(FUSE_FALLOCATE, node);
    put(&hole, sizeof(hole));
    assert_int_equal(ask(), 0);
    assert_int_equal(getattr(node, &attr), 0);
    assert_int_equal(attr.size, 2 << 20);
}

static void data_is_copied_on_the_host(void **state)
{
    struct fuse_copy_file_range_in in = { .off_in = 1, .len = 100 };
    uint64_t from, to;

    host_write("a", "0123456");
    from = node_of(guest.top, "a");
    assert_int_equal(open_as(FUSE_OPEN, from, O_RDONLY, &in.fh_in), 0);
    assert_int_equal(create(guest.top, "b", O_WRONLY, 0600, &to, &in.fh_out), 0);
    in.nodeid_out = to;
    begin(FUSE_COPY_FILE_RANGE, from);
    put(&in, sizeof(in));
    assert_int_equal(ask(), 0);
    assert_int_equal(((const struct fuse_write_out *)answer())->size, 6);
    assert_true(host_has("b", "123456"));
    in.fh_out = in.fh_in;
    begin(FUSE_COPY_FILE_RANGE, from);
    put(&in, sizeof(in));
    assert_int_equal(ask(), -EBADF);
}

static void syncing_and_statfs_work_on_files_and_roots(void **state)
{
    struct fuse_fsync_in in = { 0 };
    struct fuse_syncfs_in all = { 0 };
    const uint64_t nodes[] = { FUSE_ROOT_ID, guest.top };
    uint64_t node;

    assert_int_equal(create(guest.top, "f", O_RDWR, 0600, &node, &in.fh), 0);
    begin(FUSE_FSYNC, node);
    put(&in, sizeof(in));
    assert_int_equal(ask(), 0);
    for (size_t i = 0; i < COUNT(nodes); i++) {
        begin(FUSE_SYNCFS, nodes[i]);
        put(&all, sizeof(all));
        assert_int_equal(ask(), 0);
        begin(FUSE_STATFS, nodes[i]);
        assert_int_equal(ask(), 0);
        assert_int_equal(((const struct fuse_statfs_out *)answer())->st.namelen, 255);
    }
}

static void handles_of_others_are_refused(void **state)
{
    uint64_t a, b, fh, dir_fh;

    host_write("b", "");
    assert_int_equal(create(guest.top, "a", O_RDWR, 0600, &a, &fh), 0);
    b = node_of(guest.top, "b");
    assert_int_equal(open_as(FUSE_OPENDIR, guest.top, 0, &dir_fh), 0);
    assert_int_equal(read_at(b, fh, 0, 1), -EBADF);
    assert_int_equal(read_at(a, fh + 1, 0, 1), -EBADF);
    assert_int_equal(read_at(a, fh + (1 << 16), 0, 1), -EBADF);
    assert_int_equal(read_at(a, ~0ull, 0, 1), -EBADF);
    assert_int_equal(read_at(guest.top, dir_fh, 0, 1), -EBADF);
    assert_int_equal(release(b, fh), -EBADF);
    assert_int_equal(read_at(a, fh, 1ull << 63, 1), -EINVAL);
    assert_int_equal(read_at(a, fh, 0, 1), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        guest_test(written_data_is_read_back),
        guest_test(transfers_of_many_pieces_are_whole),
        guest_test(appending_goes_to_the_end_but_not_for_mapped_pages),
        guest_test(flags_of_open_are_kept),
        guest_test(a_file_is_created_for_writing_even_if_its_mode_forbids_it),
        guest_test(an_unlinked_file_lives_while_it_is_open),
        guest_test(a_removed_file_is_freed_after_the_answer),
        guest_test(a_temporary_file_has_no_name_until_it_is_linked),
        guest_test(sizes_and_times_are_set),
        guest_test(changing_the_owner_is_refused_unless_it_is_kept),
        guest_test(extended_attributes_of_users_are_kept),
        guest_test(other_extended_attributes_are_not_the_guests),
        guest_test(holes_are_found_and_made),
        guest_test(data_is_copied_on_the_host),
        guest_test(syncing_and_statfs_work_on_files_and_roots),
        guest_test(handles_of_others_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
