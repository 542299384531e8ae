/* How an agent's repetitions of changes are answered. */
#include "echo_fixture.h"

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

static int read_only_setup(void **state)
{
    return echo_setup_with(state, true);
}

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

static void a_move_into_a_folder_that_is_forgotten_meanwhile_is_done(void **state)
{
    uint64_t dir, node;

    host_mkdir("dir");
    host_write("a", "");
    dir = node_of(guest.top, "dir");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_rename("a", "dir/b"));
    orders_are("MOVE a b\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    forget(node, 2);
    forget(dir, 1);
    assert_int_equal(agent_moves(guest.top, "a", dir, "b"), 0);
    fuse_echo_done(guest.server);
    orders_are("");
}

static void moves_in_and_out_go_by_way_of_limbo(void **state)
{
    uint64_t limbo, node, found;
    struct fuse_attr attr;

    host_mkdir("unknown");
    ELSEWHERE(host_write("unknown/a", "text"); host_rename("unknown/a", "b"));
    orders_are("MOVE b b\n");
    begin_next();
    assert_int_equal(lookup(guest.top, ECHO_LIMBO_NAME, &limbo), -ENOENT); /* not for all */
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, ECHO_LIMBO_NAME), 0);
    limbo = entry().nodeid;
    assert_true(S_ISDIR(entry().attr.mode));
    guest.pid = AGENT;
    assert_int_equal(getattr(limbo, &attr), 0);
    guest.pid = SOMEBODY;
    assert_true(S_ISDIR(attr.mode)); /* whatever it is that moves */
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

static void a_file_that_is_gone_is_known_as_often_as_it_was_found(void **state)
{
    uint64_t node, found;

    host_write("a", "");
    node = node_of(guest.top, "a");
    ELSEWHERE(host_write("a", "text"); host_remove("a"));
    assert_int_equal(lookup(guest.top, "a", &found), -ENOENT);
    orders_are("WRITE a\nREMOVE a\n");
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    forget(node, 1);
    begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "a"), 0);
    assert_true(entry().nodeid == node);
    assert_true(entry().attr.ino != node); /* still the file's own */
}

/* What the guest's kernel asks when the agent opens a directory by its number. */
static void find_way(uint64_t node, uint64_t above, const char *name)
{
    auto_sb struct sb names = { 0 }, expected = { 0 };
    struct fuse_attr attr;
    unsigned n_nodes;

    assert_int_equal(as_agent(FUSE_LOOKUP, node, ".."), 0);
    assert_true(entry().nodeid == above);
    guest.pid = AGENT;
    assert_int_equal(getattr(node, &attr), 0);
    assert_true(attr.nlink > 0);
    list_dir(above, FUSE_READDIRPLUS, 4096, &names, &n_nodes);
    guest.pid = SOMEBODY;
    sb_putf(&expected, "%s/", name);
    assert_string_equal(sb_str(&names), sb_str(&expected));
    assert_int_equal(as_agent(FUSE_LOOKUP, above, name), 0);
    assert_true(entry().nodeid == node);
}

static void the_way_to_a_folder_is_found_when_it_is_gone(void **state)
{
    uint64_t node, inner, found;

    host_mkdir("d");
    host_mkdir("d/in");
    host_write("other", "");
    node = node_of(guest.top, "d");
    inner = node_of(node, "in");
    find_way(node, guest.top, "d");
    ELSEWHERE(host_write("d/in/a", ""); host_remove("d/in/a"); host_remove("d/in");
              host_remove("d"));
    orders_are("MAKE a\nCLOSE a\nREMOVE a\nREMOVE/ in\nREMOVE/ d\n");
    begin_next();
    find_way(inner, node, "in");
    find_way(node, guest.top, "d");
    assert_int_equal(agent_makes(inner, "a"), 0);
    begin_next();
    /* Also when somebody has seen that it is gone. */
    assert_int_equal(lookup(guest.top, "d", &found), -ENOENT);
    find_way(inner, node, "in");
    find_way(node, guest.top, "d");
    for (unsigned i = 0; i < 3; i++)
        begin_next();
    assert_int_equal(as_agent(FUSE_LOOKUP, guest.top, "d"), 0);
    assert_true(entry().nodeid == node);
    assert_int_equal(as_agent(FUSE_RMDIR, guest.top, "d"), 0);
}

static void the_way_to_a_folder_is_the_one_it_had_before_it_moved(void **state)
{
    uint64_t node, new;

    host_mkdir("d");
    node = node_of(guest.top, "d");
    ELSEWHERE(host_write("d/a", ""); host_rename("d", "e"); host_mkdir("d"));
    orders_are("MAKE a\nCLOSE a\nMOVE/ d e\nMAKE/ d\n");
    begin_next();
    find_way(node, guest.top, "d");
    new = node_of(guest.top, "d"); /* somebody has seen the new one */
    assert_true(new != node);
    find_way(node, guest.top, "d");
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        echo_test(making_is_answered_with_what_there_is),
        echo_test(what_is_gone_again_can_be_made_and_removed),
        echo_test(removing_touches_nothing),
        echo_test(a_save_over_a_file_moves_what_was_written),
        echo_test(a_move_into_a_folder_that_is_forgotten_meanwhile_is_done),
        echo_test(moves_in_and_out_go_by_way_of_limbo),
        echo_test(a_forced_lookup_makes_nothing),
        echo_test(a_change_of_data_shows_and_then_does_not),
        echo_test(a_write_opens_nothing_on_the_host),
        echo_test(a_file_that_moves_while_its_change_is_repeated_is_found),
        echo_test(a_file_that_is_gone_while_its_change_is_repeated_does_no_harm),
        echo_test(a_file_that_is_gone_is_known_as_often_as_it_was_found),
        echo_test(the_way_to_a_folder_is_found_when_it_is_gone),
        echo_test(the_way_to_a_folder_is_the_one_it_had_before_it_moved),
        echo_test(nothing_else_is_changed_by_the_agent),
        echo_test(others_are_not_answered_like_the_agent),
        cmocka_unit_test_setup_teardown(a_read_only_export_tells_and_stays_as_it_is,
                                        read_only_setup, echo_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
