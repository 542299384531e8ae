#include "prog/guestagent/update.h"

#include <unistd.h>

#include "tree.h"
#include "wire/guest.h"

/* This test program serves as the new one: it is made for this machine. */
static struct sb own_program(void)
{
    struct sb program = { 0 };

    assert_true(file_read_all("/proc/self/exe", GUEST_UPDATE_MAX, &program, NULL));
    return program;
}

/* Feeds a program in pieces; true when it replaced the old one. */
static bool feed(struct update *update, struct sv program, struct err **errp)
{
    bool complete = false;

    while (program.n > 0 && !complete) {
        struct sv piece = sv_slice(program, 0, 10000);

        if (!update_feed(update, piece, &complete, errp))
            return false;
        program = sv_slice(program, piece.n, program.n);
    }
    return complete && program.n == 0;
}

static void new_program_takes_the_place(void **state)
{
    auto_mem char *path = temp_path("agent");
    auto_sb struct sb program = own_program(), now = { 0 };
    struct update update = UPDATE_NONE;

    tree_put("agent", "old");
    assert_true(update_begin(&update, path, program.n, guest_crc(0, sb_view(&program)), NULL));
    tree_check("agent", "old");
    assert_true(feed(&update, sb_view(&program), NULL));
    assert_true(file_read_all(path, GUEST_UPDATE_MAX, &now, NULL));
    assert_true(sv_eq(sb_view(&now), sb_view(&program)));
    assert_int_equal(tree_stat("agent").st_mode & 07777, 0755);
    tree_check("agent.lima-new", NULL);
    assert_int_equal(update.fd, -1);
}

static void damage_is_noticed(void **state)
{
    auto_mem char *path = temp_path("agent");
    auto_sb struct sb program = own_program();
    auto_err struct err *err = NULL;
    struct update update = UPDATE_NONE;

    tree_put("agent", "old");
    assert_true(update_begin(&update, path, program.n, guest_crc(0, sb_view(&program)), NULL));
    program.p[program.n / 2] ^= 1;
    assert_false(feed(&update, sb_view(&program), &err));
    assert_string_equal(err_text(err), "the new guest agent was damaged on its way");
    tree_check("agent", "old");
    tree_check("agent.lima-new", NULL);
}

static void foreign_program_is_refused(void **state)
{
    auto_mem char *path = temp_path("agent");
    auto_sb struct sb program = own_program();
    auto_err struct err *err = NULL;
    struct update update = UPDATE_NONE;

    tree_put("agent", "old");
    program.p[18] ^= 0x7f; /* the machine */
    assert_true(update_begin(&update, path, program.n, guest_crc(0, sb_view(&program)), NULL));
    assert_false(feed(&update, sb_view(&program), &err));
    assert_string_equal(err_text(err), "the new guest agent is not a program for this machine");
    tree_check("agent", "old");
}

static void more_than_announced_is_refused(void **state)
{
    auto_mem char *path = temp_path("agent");
    auto_err struct err *err = NULL;
    struct update update = UPDATE_NONE;
    bool complete;

    tree_put("agent", "old");
    assert_true(update_begin(&update, path, 4, 0, NULL));
    assert_false(update_feed(&update, SV("12345"), &complete, &err));
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    assert_false(complete);
    assert_false(update_feed(&update, SV("1"), &complete, NULL)); /* it is over */
    tree_check("agent.lima-new", NULL);
}

static void sizes_are_limited(void **state)
{
    auto_mem char *path = temp_path("agent");
    struct update update = UPDATE_NONE;

    assert_false(update_begin(&update, path, 0, 0, NULL));
    assert_false(update_begin(&update, path, GUEST_UPDATE_MAX + 1, 0, NULL));
    assert_int_equal(update.fd, -1);
}

static void second_begin_drops_the_first(void **state)
{
    auto_mem char *path = temp_path("agent");
    auto_sb struct sb program = own_program();
    struct update update = UPDATE_NONE;
    bool complete;

    assert_true(update_begin(&update, path, 100, 0, NULL));
    assert_true(update_feed(&update, SV("x"), &complete, NULL));
    assert_true(update_begin(&update, path, program.n, guest_crc(0, sb_view(&program)), NULL));
    assert_true(feed(&update, sb_view(&program), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_program_takes_the_place),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(foreign_program_is_refused),
        cmocka_unit_test(more_than_announced_is_refused),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(second_begin_drops_the_first),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
