/* Exports: the synthetic root, read-only ones, removal, and that nothing leads out of them. */
#include "fuse_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void the_root_lists_exports_and_is_not_writable(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_read_in in = { .size = 4096 };
    struct fuse_attr attr;
    uint64_t node, fh;

    assert_true(export_dir("second", top, false));
    assert_int_equal(getattr(FUSE_ROOT_ID, &attr), 0);
    assert_int_equal(attr.mode, S_IFDIR | 0700);
    assert_int_equal(open_as(FUSE_OPENDIR, FUSE_ROOT_ID, 0, &in.fh), 0);
    begin(FUSE_READDIR, FUSE_ROOT_ID);
    put(&in, sizeof(in));
    assert_int_equal(ask(), 0);
    assert_int_equal(guest.reply_len, 2 * 32);
    assert_memory_equal((const char *)answer() + FUSE_NAME_OFFSET, "top", 3);
    assert_memory_equal((const char *)answer() + 32 + FUSE_NAME_OFFSET, "second", 6);
    assert_int_equal(make_dir(FUSE_ROOT_ID, "x", 0755), -EROFS);
    assert_int_equal(ask_name(FUSE_RMDIR, FUSE_ROOT_ID, "top"), -EROFS);
    assert_int_equal(create(FUSE_ROOT_ID, "x", O_RDWR, 0644, &node, &fh), -EROFS);
    assert_int_equal(lookup(FUSE_ROOT_ID, "nothing", &node), -ENOENT);
}

static void of_a_detached_export_nothing_is_to_be_believed(void **state)
{
    host_write("f", "");
    (void)node_of(guest.top, "f");
    assert_true(entry().entry_valid > 0 && entry().attr_valid > 0);
    assert_true(fuse_server_detach(guest.server, "top", NULL));
    (void)node_of(guest.top, "f");
    assert_true(entry().entry_valid == 0 && entry().attr_valid == 0);
}

static void names_and_kinds_of_exports_are_checked(void **state)
{
    auto_mem char *top = in_top("");
    auto_mem char *file = in_top("f");

    host_write("f", "");
    assert_false(export_dir("top", top, false));
    assert_false(export_dir("", top, false));
    assert_false(export_dir("..", top, false));
    assert_false(export_dir("a/b", top, false));
    assert_false(export_dir("file", file, false));
    assert_false(export_dir("missing", "/nonexistent/clima", false));
    assert_true(export_dir("other", top, false));
    assert_int_equal(fuse_server_counts(guest.server).exports, 2);
}

static void nothing_changes_on_a_read_only_export(void **state)
{
    auto_mem char *top = in_top("");
    uint64_t dir, file, fh, node;

    host_mkdir("d");
    host_write("f", "data");
    assert_true(export_dir("ro", top, true));
    dir = node_of(FUSE_ROOT_ID, "ro");
    file = node_of(dir, "f");
    assert_int_equal(make_dir(dir, "x", 0755), -EROFS);
    assert_int_equal(create(dir, "x", O_RDONLY, 0644, &node, &fh), -EROFS);
    assert_int_equal(ask_name(FUSE_UNLINK, dir, "f"), -EROFS);
    assert_int_equal(ask_name(FUSE_RMDIR, dir, "d"), -EROFS);
    assert_int_equal(rename_to(dir, "f", dir, "g", 0), -EROFS);
    assert_int_equal(link_to(file, dir, "g"), -EROFS);
    assert_int_equal(setattr(file, (struct fuse_setattr_in){ .valid = FATTR_SIZE }), -EROFS);
    assert_int_equal(open_as(FUSE_OPEN, file, O_RDWR, &fh), -EROFS);
    assert_int_equal(open_as(FUSE_OPEN, file, O_TRUNC, &fh), -EROFS);
    assert_int_equal(open_as(FUSE_OPEN, file, O_RDONLY, &fh), 0);
    assert_int_equal(write_at(file, fh, 0, "x"), -EROFS);
    assert_int_equal(read_at(file, fh, 0, 10), 0);
    assert_int_equal(guest.reply_len, 4);
    assert_true(host_has("f", "data"));
}

static void files_do_not_go_from_one_export_to_another(void **state)
{
    auto_mem char *top = in_top("");
    uint64_t other, file;

    host_write("f", "");
    file = node_of(guest.top, "f");
    assert_true(export_dir("other", top, false));
    other = node_of(FUSE_ROOT_ID, "other");
    assert_int_equal(rename_to(guest.top, "f", other, "g", 0), -EXDEV);
    assert_int_equal(rename_to(guest.top, "f", FUSE_ROOT_ID, "g", 0), -EXDEV);
    assert_int_equal(link_to(file, other, "g"), -EXDEV);
    assert_int_equal(rename_to(guest.top, "f", 9999, "g", 0), -ESTALE);
}

static void a_removed_export_is_stale_at_once(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_attr attr;
    uint64_t dir, node, fh, again;

    host_mkdir("d");
    dir = node_of(guest.top, "d");
    assert_int_equal(create(dir, "f", O_RDWR, 0600, &node, &fh), 0);
    assert_true(fuse_server_remove(guest.server, "top", NULL));
    assert_false(fuse_server_remove(guest.server, "top", NULL));
    assert_int_equal(getattr(guest.top, &attr), -ESTALE);
    assert_int_equal(getattr(node, &attr), -ESTALE);
    assert_int_equal(read_at(node, fh, 0, 1), -ESTALE);
    assert_int_equal(make_dir(dir, "x", 0755), -ESTALE);
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &again), -ENOENT);
    assert_int_equal(fuse_server_counts(guest.server).handles, 0);
    /* The same name again is another export. */
    assert_true(export_dir("top", top, false));
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &again), 0);
    assert_true(again != guest.top);
    assert_int_equal(getattr(node, &attr), -ESTALE);
    forget(node, 1);
    forget(dir, 1);
    forget(guest.top, 1);
    assert_int_equal(fuse_server_counts(guest.server).nodes, 2);
}

static void coming_and_going_leaves_nothing_behind(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_server_counts before = fuse_server_counts(guest.server), after;

    host_write("f", "");
    for (unsigned i = 0; i < 500; i++) {
        uint64_t root, file;

        assert_true(export_dir("again", top, i % 2));
        root = node_of(FUSE_ROOT_ID, "again");
        file = node_of(root, "f");
        assert_true(fuse_server_remove(guest.server, "again", NULL));
        forget(file, 1);
        forget(root, 1);
    }
    after = fuse_server_counts(guest.server);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void names_of_exports_are_asked_for_each_time(void **state)
{
    host_mkdir("d");
    (void)node_of(FUSE_ROOT_ID, "top");
    assert_int_equal(entry().entry_valid, 0);
    assert_int_equal(entry().attr_valid, 1);
    (void)node_of(guest.top, "d");
    assert_int_equal(entry().entry_valid, 1);
}

static void what_is_in_use_of_a_detached_export_works_on(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_attr attr;
    uint64_t dir, file, fh, node, made, again;

    host_mkdir("d");
    dir = node_of(guest.top, "d");
    assert_int_equal(create(dir, "f", O_RDWR, 0600, &file, &fh), 0);
    assert_int_equal(write_at(file, fh, 0, "before "), 7);
    assert_true(fuse_server_detach(guest.server, "top", NULL));
    assert_int_equal(fuse_server_counts(guest.server).exports, 0);
    assert_int_equal(fuse_server_counts(guest.server).detached, 1);
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &again), -ENOENT);
    assert_false(fuse_server_detach(guest.server, "top", NULL));
    assert_false(fuse_server_remove(guest.server, "top", NULL));

    assert_int_equal(write_at(file, fh, 7, "after"), 5);
    assert_int_equal(read_at(file, fh, 0, 20), 0);
    assert_memory_equal(answer(), "before after", 12);
    assert_true(host_has("d/f", "before after"));
    assert_int_equal(getattr(guest.top, &attr), 0);
    assert_int_equal(create(dir, "made", O_RDWR, 0600, &node, &made), 0);
    assert_int_equal(release(node, made), 0);
    forget(node, 1);
    /* The name is free, for another export. */
    assert_true(export_dir("top", top, false));
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &again), 0);
    assert_true(again != guest.top);
    assert_int_equal(write_at(file, fh, 0, "BEFORE"), 6);
    assert_true(host_has("d/f", "BEFORE after"));
}

/* Of this process; the directory is not read through descriptors that count. */
static unsigned n_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void a_detached_export_ends_with_the_last_that_is_forgotten(void **state)
{
    enum part { ROOT, FILE_NODE, HANDLE };
    static const enum part orders[][3] = {
        { ROOT, FILE_NODE, HANDLE }, { ROOT, HANDLE, FILE_NODE }, { FILE_NODE, ROOT, HANDLE },
        { FILE_NODE, HANDLE, ROOT }, { HANDLE, ROOT, FILE_NODE }, { HANDLE, FILE_NODE, ROOT }
    };
    struct fuse_server_counts before = fuse_server_counts(guest.server), after;
    unsigned n_before = n_descriptors();
    auto_mem char *top = in_top("");

    /* With a file whose name is gone, too. */
    for (unsigned i = 0; i < 2 * COUNT(orders); i++) {
        const enum part *order = orders[i / 2];
        uint64_t root, file, fh;

        assert_true(export_dir("again", top, false));
        root = node_of(FUSE_ROOT_ID, "again");
        assert_int_equal(create(root, "f", O_RDWR, 0600, &file, &fh), 0);
        if (i % 2)
            assert_int_equal(ask_name(FUSE_UNLINK, root, "f"), 0);
        assert_true(fuse_server_detach(guest.server, "again", NULL));
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(fuse_server_counts(guest.server).detached, 1);
            if (order[k] == ROOT)
                forget(root, 1);
            else if (order[k] == FILE_NODE)
                forget(file, 1);
            else
                assert_int_equal(release(file, fh), 0);
        }
        after = fuse_server_counts(guest.server);
        assert_memory_equal(&before, &after, sizeof(before));
        fuse_server_finish(guest.server);
        assert_int_equal(n_descriptors(), n_before);
    }
}

static void detaching_often_leaves_nothing_behind(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_server_counts before = fuse_server_counts(guest.server), after;
    unsigned n_before = n_descriptors();

    host_write("f", "");
    for (unsigned i = 0; i < 500; i++) {
        uint64_t root, file, fh;

        assert_true(export_dir("again", top, i % 2));
        if (i % 3) { /* else the guest has not even seen it */
            root = node_of(FUSE_ROOT_ID, "again");
            file = node_of(root, "f");
            assert_int_equal(open_as(FUSE_OPEN, file, O_RDONLY, &fh), 0);
        }
        assert_true(fuse_server_detach(guest.server, "again", NULL));
        if (i % 3) {
            forget(root, 1);
            assert_int_equal(release(file, fh), 0);
            forget(file, 1);
        }
    }
    after = fuse_server_counts(guest.server);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(n_descriptors(), n_before);
}

static void detached_exports_end_with_the_guest(void **state)
{
    auto_mem char *top = in_top("");
    unsigned n_before = n_descriptors();

    for (unsigned i = 0; i < 10; i++) {
        uint64_t file, fh;

        assert_true(export_dir("again", top, false));
        assert_int_equal(create(node_of(FUSE_ROOT_ID, "again"), "f", O_RDWR, 0600, &file, &fh), 0);
        assert_true(fuse_server_detach(guest.server, "again", NULL));
    }
    assert_int_equal(fuse_server_counts(guest.server).detached, 10);
    fuse_server_reset(guest.server);
    assert_int_equal(fuse_server_counts(guest.server).detached, 0);
    assert_int_equal(fuse_server_counts(guest.server).exports, 1);
    assert_int_equal(fuse_server_counts(guest.server).nodes, 2);
    assert_int_equal(n_descriptors(), n_before);
    assert_int_equal(greet(), 0);
    assert_int_equal(lookup(FUSE_ROOT_ID, "top", &guest.top), 0);
}

static void a_guest_that_never_forgets_keeps_so_many_only(void **state)
{
    auto_mem char *top = in_top("");
    struct fuse_attr attr;
    uint64_t root = 0;

    for (unsigned i = 0; i <= FUSE_DETACHED_MAX; i++) {
        assert_int_equal(getattr(root ? root : guest.top, &attr), 0);
        assert_true(export_dir("again", top, false));
        root = node_of(FUSE_ROOT_ID, "again");
        assert_true(fuse_server_detach(guest.server, "again", NULL));
    }
    assert_int_equal(getattr(root, &attr), -ESTALE);
    assert_int_equal(fuse_server_counts(guest.server).detached, FUSE_DETACHED_MAX);
}

static void a_folder_swapped_for_a_link_is_not_followed(void **state)
{
    auto_mem char *outside = temp_path("outside");
    auto_mem char *secret = temp_path("outside/f");
    auto_mem char *link = in_top("d");
    uint64_t dir, file, fh, node;
    int fd;

    assert_int_equal(mkdir(outside, 0755), 0);
    fd = open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    host_mkdir("d");
    host_write("d/f", "inside");
    host_mkdir("elsewhere");
    dir = node_of(guest.top, "d");
    file = node_of(dir, "f");
    /* So that no descriptor of the directory is left. */
    for (unsigned i = 0; i < 2 * FUSE_DIRS_OPEN_MAX; i++) {
        auto_mem char *name = mem_printf("elsewhere/%u", i);
        auto_mem char *last = mem_printf("%u", i);

        host_mkdir(name);
        (void)lookup(node_of(node_of(guest.top, "elsewhere"), last), "x", &node);
    }
    host_rename("d", "e");
    assert_int_equal(symlink("../outside", link), 0);
    assert_int_equal(open_as(FUSE_OPEN, file, O_RDWR, &fh), -ESTALE);
    assert_int_equal(create(dir, "made", O_RDWR, 0600, &node, &fh), -ESTALE);
    assert_int_equal(make_dir(dir, "made", 0700), -ESTALE);
    assert_int_equal(lookup(dir, "f", &node), -ESTALE);
    /* The link itself is seen as such. */
    assert_int_equal(lookup(guest.top, "d", &node), 0);
    assert_int_equal(entry().attr.mode & S_IFMT, S_IFLNK);
    assert_int_equal(lookup(node, "f", &fh), -ENOTDIR);
    assert_int_equal(make_dir(node, "made", 0700), -ENOTDIR);
    assert_int_equal(open_as(FUSE_OPENDIR, node, 0, &fh), -ENOTDIR);
}

static void a_file_swapped_for_a_link_is_not_followed(void **state)
{
    auto_mem char *secret = temp_path("secret");
    auto_mem char *link = in_top("f");
    auto_mem char *moved = in_top("g");
    struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0777 };
    struct stat st;
    uint64_t file, fh;
    int fd = open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    (void)close(fd);
    host_write("f", "");
    file = node_of(guest.top, "f");
    host_rename("f", "g");
    assert_int_equal(symlink("../secret", link), 0);
    assert_int_equal(open_as(FUSE_OPEN, file, O_RDWR, &fh), -ESTALE);
    assert_int_equal(setattr(file, in), -ESTALE);
    assert_int_equal(stat(secret, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(create(guest.top, "f", O_RDWR, 0600, &file, &fh), -ELOOP);
}

/* Swaps a folder and a link that leads out of the export, for ever. */
static pid_t start_swapping(void)
{
    auto_mem char *dir = in_top("d");
    auto_mem char *link = in_top("l");
    pid_t pid = fork();

    assert_true(pid >= 0);
    while (pid == 0)
        if (renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE) < 0)
            _exit(1);
    return pid;
}

static void swapping_folders_for_links_at_full_speed_leads_nowhere(void **state)
{
    enum { ROUNDS = 3000 };
    auto_mem char *outside = temp_path("outside");
    auto_mem char *secret = temp_path("outside/f");
    auto_mem char *made = temp_path("outside/made");
    auto_mem char *link = in_top("l");
    unsigned n_read = 0;
    struct stat st;
    pid_t pid;
    int fd;

    host_mkdir("d");
    host_write("d/f", "inside");
    assert_int_equal(mkdir(outside, 0755), 0);
    fd = open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, "SECRET", 6) == 6);
    (void)close(fd);
    assert_int_equal(symlink("../outside", link), 0);
    pid = start_swapping();
    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *name = i % 2 ? "d" : "l";
        uint64_t dir, file, fh;

        if (lookup(guest.top, name, &dir) != 0)
            continue;
        if (lookup(dir, "f", &file) == 0 && open_as(FUSE_OPEN, file, O_RDWR, &fh) == 0) {
            assert_int_equal(read_at(file, fh, 0, 6), 0);
            assert_memory_equal(answer(), "inside", 6);
            assert_int_equal(release(file, fh), 0);
            n_read++;
        }
        if (create(dir, "made", O_RDWR, 0600, &file, &fh) == 0) {
            assert_int_equal(release(file, fh), 0);
            (void)ask_name(FUSE_UNLINK, dir, "made");
        }
        (void)make_dir(dir, "made", 0700);
        (void)ask_name(FUSE_RMDIR, dir, "made");
        assert_int_equal(stat(made, &st), -1);
        fuse_server_reset(guest.server); /* no descriptor from a better time */
        assert_int_equal(greet(), 0);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(n_read > 0);
}

static void nothing_is_served_before_the_greeting(void **state)
{
    struct fuse_attr attr;

    fuse_server_reset(guest.server);
    assert_int_equal(getattr(FUSE_ROOT_ID, &attr), -EIO);
    assert_int_equal(greet(), 0);
    assert_int_equal(getattr(FUSE_ROOT_ID, &attr), 0);
    assert_int_equal(getattr(guest.top, &attr), 0); /* the node of an export stays */
}

static void greetings_agree_on_a_version(void **state)
{
    static const struct {
        uint32_t major, minor;
        int rc;
    } cases[] = { { 7, 31, 0 }, { 7, 99, 0 }, { 8, 0, 0 }, { 7, 30, -EPROTO }, { 6, 40, -EPROTO } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fuse_init_in in = { .major = cases[i].major, .minor = cases[i].minor };
        struct fuse_init_out out;
        int rc;

        begin(FUSE_INIT, FUSE_ROOT_ID);
        put(&in, 16);
        rc = ask();
        assert_int_equal(rc, cases[i].rc);
        if (rc < 0)
            continue;
        memcpy(&out, answer(), sizeof(out));
        assert_int_equal(out.major, FUSE_KERNEL_VERSION);
        assert_int_equal(out.flags, 0); /* nothing that was not offered */
    }
}

static void requests_that_are_none_break_the_queue(void **state)
{
    struct fuse_in_header head = { .len = 999, .opcode = FUSE_GETATTR };
    struct iovec in = { &head, sizeof(head) }, out = { guest.reply, sizeof(guest.reply) };
    bool ok;

    assert_int_equal(fuse_server_run(guest.server, &in, 1, &out, 1, &ok), 0);
    assert_false(ok);
    in.iov_len = 10;
    assert_int_equal(fuse_server_run(guest.server, &in, 1, &out, 1, &ok), 0);
    assert_false(ok);
    assert_int_equal(fuse_server_run(guest.server, &in, 0, &out, 1, &ok), 0);
    assert_false(ok);
}

static void unknown_requests_and_missing_room_are_answered_or_dropped(void **state)
{
    begin(4000, FUSE_ROOT_ID);
    assert_int_equal(ask(), -ENOSYS);
    begin(FUSE_STATFS, FUSE_ROOT_ID);
    assert_int_equal(ask_into(20), -EIO);
    begin(FUSE_STATFS, FUSE_ROOT_ID);
    assert_int_equal(ask_into(12), 0);
    assert_int_equal(guest.reply_len, 0);
    begin(FUSE_STATFS, 1234);
    assert_int_equal(ask(), -ESTALE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        guest_test(the_root_lists_exports_and_is_not_writable),
        guest_test(of_a_detached_export_nothing_is_to_be_believed),
        guest_test(names_and_kinds_of_exports_are_checked),
        guest_test(nothing_changes_on_a_read_only_export),
        guest_test(files_do_not_go_from_one_export_to_another),
        guest_test(a_removed_export_is_stale_at_once),
        guest_test(coming_and_going_leaves_nothing_behind),
        guest_test(names_of_exports_are_asked_for_each_time),
        guest_test(what_is_in_use_of_a_detached_export_works_on),
        guest_test(a_detached_export_ends_with_the_last_that_is_forgotten),
        guest_test(detaching_often_leaves_nothing_behind),
        guest_test(detached_exports_end_with_the_guest),
        guest_test(a_guest_that_never_forgets_keeps_so_many_only),
        guest_test(a_folder_swapped_for_a_link_is_not_followed),
        guest_test(a_file_swapped_for_a_link_is_not_followed),
        guest_test(swapping_folders_for_links_at_full_speed_leads_nowhere),
        guest_test(nothing_is_served_before_the_greeting),
        guest_test(greetings_agree_on_a_version),
        guest_test(requests_that_are_none_break_the_queue),
        guest_test(unknown_requests_and_missing_room_are_answered_or_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
