/* Mounts that are taken away. */
#include "mounts_fixture.h"

static void a_folder_is_added_and_removed(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add(&b, b.folder, "/mnt//x/", true);
    run_until(fake_agent_heard(&b.devices, GUEST_MOUNT));
    assert_int_equal(b.devices.exports.n, 1);
    assert_int_equal(b.devices.exports.v[0].flags, 0);
    assert_int_equal(fake_agent_heard(&b.devices, GUEST_MOUNT)->flags, 0);
    assert_string_equal(first(&b).state, "mounting");
    answer(&b, GUEST_MOUNT, "");
    run_until(b.n_done == 1);
    assert_string_equal(b.outcome, "mounted");
    assert_string_equal(first(&b).mount_point, "/mnt/x");

    add(&b, b.folder, "/mnt/x", true);
    assert_non_null(strstr(b.outcome, "already"));
    mounts_remove(b.mounts, "/mnt/x", false, done, &b);
    answer(&b, GUEST_UNMOUNT, "/mnt/x is in use by vi (7)");
    run_until(b.n_done == 3);
    assert_string_equal(b.outcome, "the guest says: /mnt/x is in use by vi (7)");
    assert_string_equal(first(&b).state, "mounted");
    mounts_remove(b.mounts, "/mnt/x", true, done, &b);
    run_until(fake_agent_heard(&b.devices, GUEST_UNMOUNT));
    assert_int_equal(fake_agent_heard(&b.devices, GUEST_UNMOUNT)->flags, GUEST_UNMOUNT_LAZY);
    answer(&b, GUEST_UNMOUNT, "");
    run_until(b.n_done == 4 && b.devices.exports.n == 0);
    assert_int_equal(b.devices.n_detached, 1);
    assert_int_equal(count_mounts(&b), 0);
    mounts_remove(b.mounts, "/mnt/x", false, done, &b);
    assert_string_equal(b.outcome, "nothing is mounted on /mnt/x");
    bench_close(&b);
}

static void a_mount_does_not_hide_another(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add_and_wait(&b, "/mnt/n/in");
    add(&b, b.folder, "/mnt/n", true);
    assert_string_equal(b.outcome, "a mount on /mnt/n would hide what is mounted on /mnt/n/in");
    assert_int_equal(count_mounts(&b), 1);
    add_and_wait(&b, "/mnt/n/i");
    bench_close(&b);
}

static void force_removes_what_lies_in_it_first(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add_and_wait(&b, "/mnt/n");
    add_and_wait(&b, "/mnt/nn");
    add_and_wait(&b, "/mnt/n/in");
    add_and_wait(&b, "/mnt/n/in/deep");
    mounts_remove(b.mounts, "/mnt/n", true, done, &b);
    run_until(count_heard(&b, GUEST_UNMOUNT) == 3);
    mounts_remove(b.mounts, "/mnt/n/in", true, done, &b);
    assert_string_equal(b.outcome, "/mnt/n/in is unmounting");
    for (size_t i = 0; i < b.devices.said.n; i++) {
        const struct guest_msg *msg = &b.devices.said.v[i];

        assert_int_equal(msg->flags, GUEST_UNMOUNT_LAZY);
        assert_true(i == 0 || msg->id > msg[-1].id);
        fake_agent_say(&b.devices,
                       &(struct guest_msg){ .type = GUEST_MOUNT_RESULT, .id = msg->id });
    }
    run_until(b.n_done == 6 && count_mounts(&b) == 1 && b.devices.exports.n == 1);
    assert_string_equal(b.outcome, "mounted"); /* it was */
    assert_string_equal(first(&b).mount_point, "/mnt/nn");
    bench_close(&b);
}

static void without_force_only_the_one_that_was_named_is_removed(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add_and_wait(&b, "/mnt/n");
    add_and_wait(&b, "/mnt/n/in");
    mounts_remove(b.mounts, "/mnt/n", false, done, &b);
    run_until(fake_agent_heard(&b.devices, GUEST_UNMOUNT));
    assert_int_equal(count_heard(&b, GUEST_UNMOUNT), 1);
    answer(&b, GUEST_UNMOUNT, "/mnt/n is in use: /mnt/n/in is mounted in it");
    run_until(b.n_done == 3);
    assert_non_null(strstr(b.outcome, "/mnt/n/in is mounted in it"));
    assert_int_equal(count_mounts(&b), 2);
    bench_close(&b);
}

static void what_lies_in_it_stays_when_the_agent_is_lost(void **state)
{
    struct mount_info info;
    const void *at = NULL;
    struct bench b;

    bench_open_ready(&b);
    add_and_wait(&b, "/mnt/n");
    add_and_wait(&b, "/mnt/n/in");
    mounts_remove(b.mounts, "/mnt/n", true, done, &b);
    run_until(count_heard(&b, GUEST_UNMOUNT) == 2);
    mounts_lost(b.mounts);
    assert_int_equal(b.n_done, 3);
    while (mounts_next(b.mounts, &at, &info))
        check_row(str_eq(info.state, "mounted"), info.mount_point);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        loop_test(a_folder_is_added_and_removed),
        loop_test(a_mount_does_not_hide_another),
        loop_test(force_removes_what_lies_in_it_first),
        loop_test(without_force_only_the_one_that_was_named_is_removed),
        loop_test(what_lies_in_it_stays_when_the_agent_is_lost),
    };
    int begun = mounts_begin(argc, argv);

    return begun ? begun : cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
