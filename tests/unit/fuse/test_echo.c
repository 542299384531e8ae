/* Changes that others make to an export: what the agent is told of them, and who is one. */
#include <time.h>

#include "echo_fixture.h"

/* ---- what is told ---- */

static void what_others_do_is_told_and_what_the_guest_does_is_not(void **state)
{
    uint64_t node, fh;

    assert_int_equal(create(guest.top, "own", O_RDWR, 0644, &node, &fh), 0);
    assert_int_equal(release(node, fh), 0);
    assert_int_equal(ask_name(FUSE_UNLINK, guest.top, "own"), 0);
    assert_int_equal(make_dir(guest.top, "dir", 0755), 0);
    orders_are("");
    ELSEWHERE(host_write("a", "one"); host_rename("a", "b"); host_remove("b"));
    orders_are("MAKE a\nWRITE a\nMOVE a b\nREMOVE b\n");
}

static void only_known_folders_are_watched(void **state)
{
    uint64_t dir;

    ELSEWHERE(host_mkdir("dir"));
    orders_are("MAKE/ dir\n");
    fuse_echo_done(guest.server);
    ELSEWHERE(host_write("dir/x", "x"));
    orders_are("");
    dir = node_of(guest.top, "dir");
    ELSEWHERE(host_write("dir/y", "y"));
    orders_are("MAKE y\nWRITE y\n");
    assert_true(orders.msgs[0].dir == dir);
    fuse_echo_done(guest.server);
    forget(dir, 1);
    ELSEWHERE(host_write("dir/z", "z"));
    orders_are("");
}

static void moves_have_two_ends_or_one(void **state)
{
    uint64_t dir;

    host_mkdir("known");
    host_mkdir("unknown");
    host_write("a", "a");
    dir = node_of(guest.top, "known");
    ELSEWHERE(host_rename("a", "known/b"); host_rename("known/b", "unknown/c");
              host_rename("unknown/c", "known/d"));
    orders_are("MOVE a b\nMOVE b b\nMOVE d d\n");
    assert_true(orders.msgs[0].dir == guest.top && orders.msgs[0].dir2 == dir);
    assert_true(orders.msgs[1].dir == dir && orders.msgs[1].dir2 == 0);
    assert_true(orders.msgs[2].dir == 0 && orders.msgs[2].dir2 == dir);
}

static void an_exchange_is_one_change_but_there_and_back_is_two(void **state)
{
    auto_mem char *a = in_top("a");
    auto_mem char *b = in_top("b");

    host_write("a", "a");
    host_write("b", "b");
    ELSEWHERE(assert_int_equal(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE), 0));
    orders_are("MOVE* a b\n");
    fuse_echo_done(guest.server);
    ELSEWHERE(host_rename("a", "c"); host_rename("c", "a"));
    orders_are("MOVE a c\nMOVE c a\n");
}

static void moves_that_the_kernel_has_joined_are_told_each(void **state)
{
    ELSEWHERE(host_write("a", ""); host_rename("a", "b"); host_rename("b", "a");
              host_rename("a", "b"));
    orders_are("MAKE a\nCLOSE a\nMOVE a b\nMOVE b a\nMOVE a b\n");
    fuse_echo_done(guest.server);
    ELSEWHERE(host_rename("b", "a"); host_rename("a", "c"); host_rename("c", "b");
              host_rename("b", "a"); host_rename("a", "c"); host_rename("c", "d"));
    orders_are("MOVE b a\nMOVE a c\nMOVE c b\nMOVE b a\nMOVE a c\nMOVE c d\n");
    fuse_echo_done(guest.server);
    ELSEWHERE(host_rename("d", "e"); host_rename("e", "d"); host_rename("d", "e");
              host_remove("e"));
    orders_are("MOVE d e\nMOVE e d\nMOVE d e\nREMOVE e\n");
}

static void a_removal_that_was_joined_comes_last(void **state)
{
    ELSEWHERE(host_write("a", ""); host_rename("a", "b"); host_rename("b", "a"); host_remove("a"));
    orders_are("MAKE a\nCLOSE a\nMOVE a b\nMOVE b a\nREMOVE a\n");
    fuse_echo_done(guest.server);
    ELSEWHERE(host_write("a", ""); host_rename("a", "b"); host_rename("b", "a");
              host_rename("a", "c"); host_rename("c", "b"); host_rename("b", "a"); host_remove("a");
              host_mkdir("a"));
    /* Nothing is closed: it is a folder now. */
    orders_are("MAKE a\nMOVE a b\nMOVE b a\nMOVE a c\nMOVE c b\nMOVE b a\nREMOVE a\nMAKE/ a\n");
}

static void a_move_that_was_joined_comes_before_what_takes_the_name(void **state)
{
    host_write("a", "");
    ELSEWHERE(host_rename("a", "b"); host_rename("b", "a"); host_rename("a", "b"); host_mkdir("a");
              host_rename("b", "c"));
    orders_are("MOVE a b\nMOVE b a\nMOVE a b\nMAKE/ a\nMOVE b c\n");
}

static void a_move_that_was_joined_comes_before_what_moves_over_it(void **state)
{
    host_write("a", "");
    host_write("x", "");
    ELSEWHERE(host_rename("a", "b"); host_rename("b", "a"); host_rename("a", "b");
              host_rename("x", "b"));
    orders_are("MOVE a b\nMOVE b a\nMOVE a b\nMOVE x b\n");
}

static void a_move_that_was_joined_comes_behind_what_it_moves_over(void **state)
{
    host_write("a", "");
    ELSEWHERE(host_rename("a", "b"); host_rename("b", "a"); host_write("b", "");
              host_rename("a", "b"); host_rename("b", "c"));
    orders_are("MOVE a b\nMOVE b a\nMAKE b\nCLOSE b\nMOVE a b\nMOVE b c\n");
}

static void moves_to_elsewhere_and_back_are_told_each(void **state)
{
    host_mkdir("unknown");
    host_write("a", "");
    ELSEWHERE(host_rename("a", "unknown/x"); host_rename("unknown/x", "a");
              host_rename("a", "unknown/y"); host_rename("unknown/y", "b"));
    orders_are("MOVE a a\nMOVE a a\nMOVE a a\nMOVE b b\n");
    assert_true(orders.msgs[0].dir2 == 0 && orders.msgs[1].dir == 0);
    assert_true(orders.msgs[2].dir2 == 0 && orders.msgs[3].dir == 0);
}

static void changes_that_are_alike_are_joined(void **state)
{
    auto_mem char *path = in_top("x");

    host_write("f", "");
    host_write("x", "");
    assert_int_equal(chmod(path, 0755), 0);
    skip_orders();
    ELSEWHERE(host_write("f", "1"); host_write("f", "2"));
    orders_are("WRITE f\n");
    fuse_echo_done(guest.server);
    /* Nobody could execute it while the agent has it open. */
    ELSEWHERE(host_write("x", "1"));
    orders_are("MODIFY x\n");
}

static void make_many(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        auto_mem char *name = mem_printf("m%u", i);
        auto_mem char *path = in_top(name);

        assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
    }
}

/* Of 16384 events the kernel keeps none more. */
static void what_is_lost_in_a_flood_is_found_by_comparing(void **state)
{
    bool is_told = false;

    host_write("gone", "");
    (void)node_of(guest.top, "gone");
    skip_orders();
    ELSEWHERE(make_many(17000); host_remove("gone"));
    while (*take_orders()) {
        is_told = is_told || strstr(sb_str(&orders.lines), "REMOVE gone\n");
        fuse_echo_done(guest.server);
    }
    assert_true(is_told);
}

static void there_is_one_batch_at_a_time(void **state)
{
    ELSEWHERE(host_write("a", ""));
    orders_are("MAKE a\nCLOSE a\n");
    ELSEWHERE(host_write("b", ""));
    orders_are("");
    fuse_echo_done(guest.server);
    orders_are("MAKE b\nCLOSE b\n");
}

/* ---- agents ---- */

static void who_does_not_know_the_nonce_is_no_agent(void **state)
{
    fuse_echo_end(guest.server);
    assert_false(fuse_echo_ready(guest.server));
    fuse_echo_begin(guest.server, (struct fuse_nonce){ { 1, 2 } });
    assert_int_equal(
        as_agent(FUSE_LOOKUP, FUSE_ROOT_ID, ECHO_NAME_PREFIX "00000000000000020000000000000001"),
        -ENOENT);
    assert_false(fuse_echo_ready(guest.server));
    ELSEWHERE(host_write("a", ""));
    orders_are("");
}

static void a_new_agent_is_told_what_has_changed_meanwhile(void **state)
{
    host_write("changed", "1");
    host_write("gone", "1");
    host_write("same", "1");
    (void)node_of(guest.top, "changed");
    (void)node_of(guest.top, "gone");
    (void)node_of(guest.top, "same");
    skip_orders();
    fuse_echo_end(guest.server);
    ELSEWHERE({
        auto_mem char *path = in_top("changed");

        assert_int_equal(chmod(path, 0600), 0);
        host_write("changed", "other");
        host_remove("gone");
        host_write("new", "1");
    });
    greet_agent();
    (void)take_orders();
    assert_int_equal(orders.n, 3);
    assert_non_null(strstr(sb_str(&orders.lines), "REMOVE gone\n"));
    assert_non_null(strstr(sb_str(&orders.lines), "MODIFY changed\n"));
    assert_non_null(strstr(sb_str(&orders.lines), "MAKE new\n"));
}

static void the_guest_believes_for_long_only_what_is_told(void **state)
{
    auto_mem char *path = in_top("");
    uint64_t node;

    host_write("a", "");
    host_write("linked", "");
    node = node_of(guest.top, "a");
    assert_true(entry().entry_valid > 60 && entry().attr_valid > 60);
    assert_int_equal(link_to(node, guest.top, "again"), 0);
    assert_int_equal(entry().attr_valid, 1);        /* another name may be anywhere */
    assert_true(export_dir("second", path, false)); /* changes by it are not told */
    (void)node_of(guest.top, "linked");
    assert_int_equal(entry().entry_valid, 1);
    assert_true(fuse_server_remove(guest.server, "second", NULL));
    fuse_echo_end(guest.server);
    (void)node_of(guest.top, "linked");
    assert_int_equal(entry().entry_valid, 1);
    assert_int_equal(entry().attr_valid, 1);
}

static uint32_t flags_of_opening(uint64_t dir)
{
    struct fuse_open_out out;
    uint64_t fh;

    assert_int_equal(open_as(FUSE_OPENDIR, dir, 0, &fh), 0);
    memcpy(&out, answer(), sizeof(out));
    assert_int_equal(release(dir, fh), 0);
    return out.open_flags;
}

static void the_guest_keeps_a_list_of_names_while_nothing_changes(void **state)
{
    const struct timespec tick = { .tv_nsec =
                                       50000000 }; /* longer than file systems' clocks have */
    uint64_t dir;

    host_mkdir("dir");
    dir = node_of(guest.top, "dir");
    for (int i = 0; i < 2; i++) {
        (void)nanosleep(&tick, NULL);
        ELSEWHERE(host_write("dir/new", ""); host_remove("dir/new"));
        (void)nanosleep(&tick, NULL);
        assert_int_equal(flags_of_opening(dir), FOPEN_CACHE_DIR);
        assert_int_equal(flags_of_opening(dir), FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE);
    }
    fuse_echo_end(guest.server);
    assert_int_equal(flags_of_opening(dir), 0);
}

static void nothing_is_told_of_a_detached_export(void **state)
{
    uint64_t dir, node, fh;

    host_mkdir("dir");
    assert_int_equal(create(guest.top, "held", O_RDWR, 0644, &node, &fh), 0);
    ELSEWHERE(host_write("queued", ""));
    fuse_echo_read(guest.server);
    assert_true(fuse_server_detach(guest.server, "top", NULL));
    ELSEWHERE(host_write("late", ""));
    orders_are("");
    /* Nor is a directory watched that the guest comes upon now. */
    dir = node_of(guest.top, "dir");
    assert_int_equal(entry().entry_valid, 0);
    ELSEWHERE(host_write("dir/late", ""));
    orders_are("");
    assert_int_equal(write_at(node, fh, 0, "data"), 4);
    forget(dir, 1);
    forget(guest.top, 1);
    assert_int_equal(release(node, fh), 0);
    forget(node, 1);
    assert_int_equal(fuse_server_counts(guest.server).detached, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        echo_test(what_others_do_is_told_and_what_the_guest_does_is_not),
        echo_test(only_known_folders_are_watched),
        echo_test(moves_have_two_ends_or_one),
        echo_test(an_exchange_is_one_change_but_there_and_back_is_two),
        echo_test(moves_that_the_kernel_has_joined_are_told_each),
        echo_test(a_removal_that_was_joined_comes_last),
        echo_test(a_move_that_was_joined_comes_before_what_takes_the_name),
        echo_test(a_move_that_was_joined_comes_before_what_moves_over_it),
        echo_test(a_move_that_was_joined_comes_behind_what_it_moves_over),
        echo_test(moves_to_elsewhere_and_back_are_told_each),
        echo_test(changes_that_are_alike_are_joined),
        echo_test(what_is_lost_in_a_flood_is_found_by_comparing),
        echo_test(there_is_one_batch_at_a_time),
        echo_test(who_does_not_know_the_nonce_is_no_agent),
        echo_test(a_new_agent_is_told_what_has_changed_meanwhile),
        echo_test(the_guest_believes_for_long_only_what_is_told),
        echo_test(the_guest_keeps_a_list_of_names_while_nothing_changes),
        echo_test(nothing_is_told_of_a_detached_export),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
