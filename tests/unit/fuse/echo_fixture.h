/*
 * A file server that tells of changes, as the agent and as others see it. The others are child
 * processes: what this process does counts as the guest's doing.
 */
#ifndef TESTS_ECHO_FIXTURE_H
#define TESTS_ECHO_FIXTURE_H

#include <sys/wait.h>

#include "fuse/echo.h"
#include "fuse_fixture.h"
#include "wire/echo.h"

enum { AGENT = 4242, SOMEBODY = 77 };

/* The order that came last: one line per change. */
static struct {
    struct sb text;
    struct echo_msg msgs[FUSE_BATCH_MAX];
    size_t n;
    struct sb lines;
} orders;

static inline int as_agent(uint32_t opcode, uint64_t dir, const char *name)
{
    int rc;

    guest.pid = AGENT;
    rc = ask_name(opcode, dir, name);
    guest.pid = SOMEBODY;
    return rc;
}

/* Begins what a process that is not this one does; false in the parent, which waits. */
static inline bool in_other_process(void)
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

static inline void host_remove(const char *name)
{
    auto_mem char *path = in_top(name);

    assert_int_equal(remove(path), 0);
}

/* Takes the next batch as "MAKE a", "MOVE a b", one a line. */
static inline const char *take_orders(void)
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

static inline void orders_are(const char *expected)
{
    assert_string_equal(take_orders(), expected);
}

/* The agent could do nothing of it. */
static inline void skip_orders(void)
{
    (void)take_orders();
    fuse_echo_done(guest.server);
}

static inline void greet_agent(void)
{
    fuse_echo_begin(guest.server, (struct fuse_nonce){ { 0x1234, 0xabcd } });
    assert_int_equal(
        as_agent(FUSE_LOOKUP, FUSE_ROOT_ID, ECHO_NAME_PREFIX "0000000000001234000000000000abcd"),
        -ENOENT);
    assert_true(fuse_echo_ready(guest.server));
}

static inline int echo_setup_with(void **state, bool read_only)
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

static inline int echo_setup(void **state)
{
    return echo_setup_with(state, false);
}

static inline int echo_teardown(void **state)
{
    sb_done(&orders.text);
    sb_done(&orders.lines);
    return guest_teardown(state);
}

#define echo_test(f) cmocka_unit_test_setup_teardown(f, echo_setup, echo_teardown)

#endif
