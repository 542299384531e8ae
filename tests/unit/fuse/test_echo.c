/*
 * Changes that others make to an export, and how the agent's repetitions of them are answered. The
 * others are child processes: what this process does counts as the guest's doing.
 */
#include "fuse_fixture.h"

#include <sys/wait.h>

#include "fuse/echo.h"
#include "wire/echo.h"

enum { AGENT = 4242, SOMEBODY = 77 };

/* The order that came last: one line per change. */
static struct {
    struct sb text;
    struct echo_msg msgs[FUSE_BATCH_MAX];
    size_t n;
    struct sb lines;
} orders;

static int as_agent(uint32_t opcode, uint64_t dir, const char *name)
{
    int rc;

    guest.pid = AGENT;
    rc = ask_name(opcode, dir, name);
    guest.pid = SOMEBODY;
    return rc;
}

/* The agent goes on to the next change. */
static void begin_next(void)
{
    assert_int_equal(as_agent(FUSE_LOOKUP, FUSE_ROOT_ID, ECHO_NEXT_NAME), -ENOENT);
}

static int agent_makes(uint64_t dir, const char *name)
{
    struct fuse_mknod_in in = { .mode = S_IFREG | 0600 };
    int rc;

    guest.pid = AGENT;
    begin(FUSE_MKNOD, dir);
    put(&in, sizeof(in));
    put_text(name);
    rc = ask();
    guest.pid = SOMEBODY;
    return rc;
}

static int agent_moves(uint64_t dir, const char *name, uint64_t dir2, const char *name2)
{
    int rc;

    guest.pid = AGENT;
    rc = rename_to(dir, name, dir2, name2, 0);
    guest.pid = SOMEBODY;
    return rc;
}

static int agent_sets_times(uint64_t node)
{
    int rc;

    guest.pid = AGENT;
    rc = setattr(node, (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_MTIME_NOW });
    guest.pid = SOMEBODY;
    return rc;
}

/* Begins what a process that is not this one does; false in the parent, which waits. */
static bool in_other_process(void)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        return true;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return false;
}

#define ELSEWHERE(...)            \
    do {                          \
        if (in_other_process()) { \
            __VA_ARGS__;          \
            _exit(0);             \
        }                         \
    } while (0)

static void host_remove(const char *name)
{
    auto_mem char *path = in_top(name);

    assert_int_equal(remove(path), 0);
}

/* Takes the next batch as "MAKE a", "MOVE a b", one a line. */
static const char *take_orders(void)
{
    struct sv rest;

    fuse_echo_read(guest.server);
    sb_truncate(&orders.text, 0);
    sb_truncate(&orders.lines, 0);
    orders.n = 0;
    if (!fuse_echo_next(guest.server, &orders.text))
        return "";
    rest = sb_view(&orders.text);
    for (struct echo_msg msg;
         echo_take(&rest, &msg, NULL) == ECHO_TAKEN && msg.type != ECHO_SYNC;) {
        orders.msgs[orders.n++] = msg;
        sb_putf(&orders.lines, "%s%s%s %.*s%s%.*s\n", echo_type_name(msg.type),
                msg.kind == ECHO_DIR ? "/" : "", msg.flags & ECHO_EXCHANGE ? "*" : "",
                SV_ARG(msg.name), msg.name2.n ? " " : "", SV_ARG(msg.name2));
    }
    return sb_str(&orders.lines);
}

static void orders_are(const char *expected)
{
    assert_string_equal(take_orders(), expected);
}

/* The agent could do nothing of it. */
static void skip_orders(void)
{
    (void)take_orders();
    fuse_echo_done(guest.server);
}

static void greet_agent(void)
{
    fuse_echo_begin(guest.server, (struct fuse_nonce){ { 0x1234, 0xabcd } });
    assert_int_equal(
        as_agent(FUSE_LOOKUP, FUSE_ROOT_ID, ECHO_NAME_PREFIX "0000000000001234000000000000abcd"),
        -ENOENT);
    assert_true(fuse_echo_ready(guest.server));
}

static int echo_setup_with(void **state, bool read_only)
{
    auto_mem char *top = NULL;

    if (guest_setup(state) != 0)
        return -1;
    guest.tells_changes = true;
    guest.pid = SOMEBODY;
    top = in_top("");
    if (!fuse_server_remove(guest.server, "top", NULL) || !export_dir("top", top, read_only) ||
        !fuse_echo_open(guest.server, NULL))
        return -1;
    guest.top = node_of(FUSE_ROOT_ID, "top");
    greet_agent();
    return 0;
}

static int echo_setup(void **state)
{
    return echo_setup_with(state, false);
}

static int read_only_setup(void **state)
{
    return echo_setup_with(state, true);
}

static int echo_teardown(void **state)
{
    sb_done(&orders.text);
    sb_done(&orders.lines);
    return guest_teardown(state);
}

#define echo_test(f) cmocka_unit_test_setup_teardown(f, echo_setup, echo_teardown)

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

static void there_is_one_batch_at_a_time(void **state)
{
    ELSEWHERE(host_write("a", ""));
    orders_are("MAKE a\nCLOSE a\n");
    ELSEWHERE(host_write("b", ""));
    orders_are("");
    fuse_echo_done(guest.server);
    orders_are("MAKE b\nCLOSE b\n");
}

/* ---- how repetitions are answered ---- */

static void making_is_answered_with_what_there_is(void **state)
{
    uint64_t node;

    ELSEWHERE(host_write("a", "one"));
    orders_are("MAKE a\nWRITE a\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), -ENOENT);
    node = node_of(guest.top, "a"); /* everybody else sees it */
    assert_int_equal(agent_makes(guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    assert_int_equal(entry().attr.size, 3);
    assert_true(entry().attr_valid > 60); /* changes are told */
    assert_true(host_has("a", "one"));
}

static void what_is_gone_again_can_be_made_and_removed(void **state)
{
    uint64_t node;

    ELSEWHERE(host_write("a", ""); host_remove("a"));
    orders_are("MAKE a\nCLOSE a\nREMOVE a\n");
    begin_next();
    assert_int_equal(agent_makes(guest.top, "a"), 0);
    node = entry().nodeid;
    assert_int_equal(entry().entry_valid, 0);
    assert_int_equal(lookup(guest.top, "a", &node), -ENOENT);
    begin_next();
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_int_equal(as_agent(FUSE_UNLINK, guest.top, "a"), 0);
    fuse_echo_done(guest.server);
    orders_are("");
}

static void removing_touches_nothing(void **state)
{
    uint64_t node, found;

    host_write("a", "old");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_remove("a"); host_write("a", "new"));
    orders_are("REMOVE a\nMAKE a\nWRITE a\n");
    /* Somebody has seen the new one already: the agent still finds the old one. */
    assert_true(node_of(guest.top, "a") != node);
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    assert_int_equal(entry().attr.nlink, 0);
    assert_int_equal(as_agent(FUSE_UNLINK, guest.top, "a"), 0);
    assert_true(host_has("a", "new"));
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), -ENOENT); /* about to be made */
    assert_int_equal(agent_makes(guest.top, "a"), 0);
    found = entry().nodeid;
    assert_true(found == node_of(guest.top, "a"));
}

static void a_save_over_a_file_moves_what_was_written(void **state)
{
    uint64_t old, new;

    host_write("doc", "v1");
    old = node_of(guest.top, "doc");
    ELSEWHERE(host_write("tmp", "v2"));
    skip_orders();
    new = node_of(guest.top, "tmp");
    ELSEWHERE(host_rename("tmp", "doc"));
    orders_are("MOVE tmp doc\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_MKDIR, guest.top, "tmp"), -EINVAL); /* no mode: malformed */
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "tmp"), 0);
    assert_true(entry().nodeid == new);
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "doc"), 0);
    assert_true(entry().nodeid == old);
    assert_int_equal(agent_moves(guest.top, "tmp", guest.top, "doc"), 0);
    assert_true(node_of(guest.top, "doc") == new);
    assert_true(host_has("doc", "v2"));
}

static void moves_in_and_out_go_by_way_of_limbo(void **state)
{
    uint64_t limbo, node, found;

    host_mkdir("unknown");
    ELSEWHERE(host_write("unknown/a", "text"); host_rename("unknown/a", "b"));
    orders_are("MOVE b b\n");
    begin_next();
    assert_int_equal(lookup(guest.top, ECHO_LIMBO_NAME, &limbo), -ENOENT); /* not for all */
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, ECHO_LIMBO_NAME), 0);
    limbo = entry().nodeid;
    assert_true(S_ISDIR(entry().attr.mode));
    assert_int_equal(as_agent(FUSE_LOOKUP, limbo, "b"), 0);
    node = entry().nodeid;
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "b"), -ENOENT);
    assert_int_equal(agent_moves(limbo, "b", guest.top, "b"), 0);
    fuse_echo_done(guest.server);
    found = node_of(guest.top, "b");
    assert_true(found == node);

    ELSEWHERE(host_rename("b", "unknown/c"));
    orders_are("MOVE b b\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, ECHO_LIMBO_NAME), 0);
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "b"), 0);
    assert_true(entry().nodeid == node);
    assert_int_equal(as_agent(FUSE_LOOKUP, limbo, "b"), -ENOENT);
    assert_int_equal(agent_moves(guest.top, "b", limbo, "b"), 0);
    assert_int_equal(lookup(guest.top, "b", &found), -ENOENT);
    assert_true(host_has("unknown/c", "text"));
}

static void a_forced_lookup_makes_nothing(void **state)
{
    int rc;

    host_write("a", "");
    (void)node_of(guest.top, "a");
    ELSEWHERE(host_rename("a", "b"));
    orders_are("MOVE a b\n");
    begin_next();
    guest.pid = AGENT;
    rc = make_dir(guest.top, "b", 0700);
    guest.pid = SOMEBODY;
    assert_int_equal(rc, -EEXIST);
    assert_int_equal(agent_moves(guest.top, "a", guest.top, "b"), 0);
    assert_true(host_has("b", ""));
}

static void a_change_of_data_shows_and_then_does_not(void **state)
{
    struct fuse_attr before, asked;
    uint64_t node;
    int rc;

    host_write("a", "one");
    node = node_of(guest.top, "a");
    skip_orders();
    ELSEWHERE({
        auto_mem char *path = in_top("a");
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(write(fd, "two", 3), 3);
    });
    (void)take_orders();
    begin_next();
    assert_int_equal(getattr(node, &before), 0);
    if (orders.msgs[0].type == ECHO_MODIFY) { /* the file was closed by the end of the process */
        guest.pid = AGENT;
        rc = getattr(node, &asked);
        guest.pid = SOMEBODY;
        assert_int_equal(rc, 0);
        assert_int_equal(asked.mtimensec, before.mtimensec ^ 1);
    }
    fuse_echo_done(guest.server);
    assert_int_equal(getattr(node, &asked), 0);
    assert_int_equal(asked.mtimensec, before.mtimensec);
}

static void a_write_opens_nothing_on_the_host(void **state)
{
    size_t n_handles = fuse_server_counts(guest.server).handles;
    uint64_t node, fh;
    int rc;

    host_write("a", "");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_write("a", "text"));
    orders_are("WRITE a\n");
    begin_next();
    guest.pid = AGENT;
    rc = open_as(FUSE_OPEN, node, O_WRONLY, &fh);
    guest.pid = SOMEBODY;
    assert_int_equal(rc, 0);
    assert_int_equal(fuse_server_counts(guest.server).handles, n_handles);
    assert_int_equal(write_at(node, fh, 0, "x"), -EBADF);
    assert_int_equal(agent_sets_times(node), 0);
    assert_true(host_has("a", "text"));
}

static void a_file_that_moves_while_its_change_is_repeated_is_found(void **state)
{
    struct fuse_attr_out out;
    uint64_t node, fh;
    int rc;

    host_write("a", "");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_write("a", "text"));
    orders_are("WRITE a\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    ELSEWHERE(host_rename("a", "b"); host_rename("b", "c"));
    fuse_echo_read(guest.server);
    guest.pid = AGENT;
    rc = open_as(FUSE_OPEN, node, O_WRONLY, &fh);
    guest.pid = SOMEBODY;
    assert_int_equal(rc, 0);
    assert_int_equal(agent_sets_times(node), 0);
    memcpy(&out, answer(), sizeof(out));
    assert_int_equal(out.attr.size, 4);
    fuse_echo_done(guest.server);
    orders_are("MOVE a b\nMOVE b c\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    assert_int_equal(entry().attr.size, 4);
}

static void a_file_that_is_gone_while_its_change_is_repeated_does_no_harm(void **state)
{
    uint64_t node;

    host_write("a", "");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_write("a", "text"));
    orders_are("WRITE a\n");
    ELSEWHERE(host_remove("a"));
    begin_next();
    assert_int_equal(agent_sets_times(node), 0);
    fuse_echo_done(guest.server);
    orders_are("REMOVE a\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_UNLINK, guest.top, "a"), 0);
}

static void nothing_else_is_changed_by_the_agent(void **state)
{
    uint64_t node, fh;

    host_write("a", "text");
    node = node_of(guest.top, "a");
    (void)take_orders();
    assert_int_equal(agent_makes(guest.top, "b"), -EPERM);
    assert_int_equal(as_agent(FUSE_UNLINK, guest.top, "a"), -EPERM);
    assert_int_equal(agent_moves(guest.top, "a", guest.top, "b"), -EPERM);
    assert_int_equal(agent_sets_times(node), -EPERM);
    guest.pid = AGENT;
    assert_int_equal(open_as(FUSE_OPEN, node, O_WRONLY, &fh), -EPERM);
    assert_int_equal(open_as(FUSE_OPEN, node, O_RDONLY, &fh), 0);
    assert_int_equal(release(node, fh), 0);
    guest.pid = SOMEBODY;
    ELSEWHERE(host_write("c", ""));
    (void)take_orders();
    assert_int_equal(agent_makes(guest.top, "c"), -EPERM); /* not begun */
    begin_next();
    assert_int_equal(agent_makes(guest.top, "d"), -EPERM);
    fuse_echo_end(guest.server);
    assert_int_equal(agent_makes(guest.top, "d"), 0); /* an ordinary thread now */
    assert_true(host_has("d", ""));
}

static void others_are_not_answered_like_the_agent(void **state)
{
    ELSEWHERE(host_write("a", "text"));
    orders_are("MAKE a\nWRITE a\n");
    assert_int_equal(ask_name(FUSE_UNLINK, guest.top, "a"), 0);
    assert_false(host_exists("a"));
}

static void a_read_only_export_tells_and_stays_as_it_is(void **state)
{
    uint64_t node, fh;

    ELSEWHERE(host_write("a", "text"));
    orders_are("MAKE a\nWRITE a\n");
    begin_next();
    assert_int_equal(agent_makes(guest.top, "a"), 0);
    node = entry().nodeid;
    assert_int_equal(create(guest.top, "b", O_RDWR, 0644, &node, &fh), -EROFS);
    assert_int_equal(agent_makes(guest.top, "b"), -EPERM);
    assert_true(host_has("a", "text"));
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        echo_test(what_others_do_is_told_and_what_the_guest_does_is_not),
        echo_test(only_known_folders_are_watched),
        echo_test(moves_have_two_ends_or_one),
        echo_test(an_exchange_is_one_change_but_there_and_back_is_two),
        echo_test(changes_that_are_alike_are_joined),
        echo_test(there_is_one_batch_at_a_time),
        echo_test(making_is_answered_with_what_there_is),
        echo_test(what_is_gone_again_can_be_made_and_removed),
        echo_test(removing_touches_nothing),
        echo_test(a_save_over_a_file_moves_what_was_written),
        echo_test(moves_in_and_out_go_by_way_of_limbo),
        echo_test(a_forced_lookup_makes_nothing),
        echo_test(a_change_of_data_shows_and_then_does_not),
        echo_test(a_write_opens_nothing_on_the_host),
        echo_test(a_file_that_moves_while_its_change_is_repeated_is_found),
        echo_test(a_file_that_is_gone_while_its_change_is_repeated_does_no_harm),
        echo_test(nothing_else_is_changed_by_the_agent),
        echo_test(others_are_not_answered_like_the_agent),
        cmocka_unit_test_setup_teardown(a_read_only_export_tells_and_stays_as_it_is,
                                        read_only_setup, echo_teardown),
        echo_test(who_does_not_know_the_nonce_is_no_agent),
        echo_test(a_new_agent_is_told_what_has_changed_meanwhile),
        echo_test(the_guest_believes_for_long_only_what_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
