/* Folders on their way to the guest, and what becomes of them. */
#include "mounts_fixture.h"

static size_t count_errors(const struct bench *b)
{
    auto_strv struct strv errors = { 0 };

    mounts_errors(b->mounts, &errors);
    return errors.n;
}

static void configured_folders_are_made_and_exported(void **state)
{
    struct bench b;

    bench_open(&b, "", true);
    assert_string_equal(first(&b).state, "lost");
    bench_attach(&b);
    run_until(b.devices.exports.n == 1 && str_eq(first(&b).state, "mounted"));
    assert_true(dir_exists(b.folder));
    assert_true(b.devices.exports.v[0].is_open);
    assert_int_equal(b.devices.exports.v[0].flags, DEVCTL_EXPORT_READ_ONLY);
    assert_int_equal(b.devices.exports.v[0].uid, 1000);
    assert_true(str_starts(b.devices.exports.v[0].name, "lima-"));
    assert_int_equal(count_errors(&b), 0);
    bench_close(&b);
}

static void it_is_told_when_the_host_no_longer_has_the_folder(void **state)
{
    auto_mem char *aside = temp_path("aside");
    struct bench b;

    bench_open(&b, "", true);
    bench_attach(&b);
    run_until(str_eq(first(&b).state, "mounted"));
    assert_null(first(&b).warning);
    assert_true(file_rename(b.folder, aside, NULL));
    assert_non_null(strstr(first(&b).warning, "not on the host any more"));
    assert_true(dir_make_all(b.folder, 0755, NULL));
    assert_non_null(strstr(first(&b).warning, "replaced on the host"));
    assert_true(dir_remove_tree(b.folder, NULL) && file_rename(aside, b.folder, NULL));
    assert_null(first(&b).warning);
    bench_close(&b);
}

static void options_of_the_configuration_become_those_of_the_export(void **state)
{
    struct bench b;

    bench_open(&b, "mountTypesUnsupported: []\n", true);
    b.config.mounts.v[0].virtiofs.cache = mem_strdup("never");
    b.config.mounts.v[0].virtiofs.ownership = mem_strdup("mapped");
    b.config.mounts.v[0].writable.v = true;
    mounts_close(b.mounts);
    b.mounts = mounts_open(&(struct mounts_params){
        .loop = &test_loop, .config = &b.config, .exporter = exporter_path });
    bench_attach(&b);
    run_until(b.devices.exports.n == 1);
    assert_int_equal(b.devices.exports.v[0].flags,
                     DEVCTL_EXPORT_CACHE_NEVER | DEVCTL_EXPORT_KEEP_OWNERS);
    bench_close(&b);
}

static void a_successor_finds_the_exports_of_the_host_agent_before(void **state)
{
    struct bench b;

    bench_open(&b, "", true);
    b.devices.export_error = EEXIST;
    bench_attach(&b);
    run_until(str_eq(first(&b).state, "mounted"));
    assert_int_equal(count_errors(&b), 0);
    bench_close(&b);
}

static void what_cannot_be_exported_is_an_error_of_the_instance(void **state)
{
    struct bench b;

    bench_open(&b, "", true);
    b.devices.export_error = ENODEV;
    bench_attach(&b);
    run_until(str_eq(first(&b).state, "failed"));
    assert_int_equal(count_errors(&b), 1);
    assert_non_null(strstr(first(&b).error, "no file system device"));
    bench_close(&b);
}

static void boot_with_a_mount(struct bench *b)
{
    bench_open(b, "", true);
    bench_attach(b);
    bench_greet(b);
    run_until(str_eq(first(b).state, "mounted"));
    assert_true(mounts_are_settled(b->mounts));
    mounts_booted(b->mounts);
    assert_string_equal(first(b).state, "mounting");
    assert_false(mounts_are_settled(b->mounts));
}

static void after_the_boot_the_guest_says_whether_its_folders_are_mounted(void **state)
{
    struct bench b;

    boot_with_a_mount(&b);
    answer(&b, GUEST_MOUNT, "");
    run_until(str_eq(first(&b).state, "mounted"));
    assert_true(mounts_are_settled(b.mounts));
    assert_int_equal(count_errors(&b), 0);
    assert_int_equal(b.devices.exports.n, 1);
    bench_close(&b);
}

static void a_folder_that_the_boot_did_not_mount_is_an_error_of_the_instance(void **state)
{
    struct bench b;

    boot_with_a_mount(&b);
    answer(&b, GUEST_MOUNT, "/mnt is a file");
    run_until(str_eq(first(&b).state, "failed"));
    assert_non_null(strstr(first(&b).error, "/mnt is a file"));
    assert_true(mounts_are_settled(b.mounts));
    assert_int_equal(count_errors(&b), 1);
    run_until(b.devices.exports.n == 0);
    bench_close(&b);
}

static size_t count_mounted(const struct bench *b)
{
    struct mount_info info;
    const void *at = NULL;
    size_t n = 0;

    while (mounts_next(b->mounts, &at, &info))
        n += str_eq(info.state, "mounted");
    return n;
}

/* Of two folders one, or both, are on their way to the host's device when the boot is over. */
static void folders_that_are_late_are_asked_for_as_well(void **state)
{
    struct bench b;

    bench_open(
        &b,
        "mounts: [{location: /tmp, mountPoint: /mnt/b}, {location: /usr, mountPoint: /mnt/c}]\n",
        false);
    bench_attach(&b);
    bench_greet(&b);
    run_until(count_mounted(&b) > 0);
    mounts_booted(b.mounts);
    run_until(count_heard(&b, GUEST_MOUNT) == 2);
    for (size_t i = 0; i < b.devices.said.n; i++)
        fake_agent_say(&b.devices, &(struct guest_msg){ .type = GUEST_MOUNT_RESULT,
                                                        .id = b.devices.said.v[i].id });
    run_until(count_mounted(&b) == 2);
    assert_true(mounts_are_settled(b.mounts));
    mounts_booted(b.mounts); /* the agent connects anew, and says so again */
    assert_int_equal(count_mounted(&b), 2);
    bench_close(&b);
}

/* Mostly the second one is; should both be on the host's device already, both are asked for. */
static void a_late_folder_that_fails_does_not_hold_up_the_others(void **state)
{
    struct bench b;

    bench_open(
        &b,
        "mounts: [{location: /tmp, mountPoint: /mnt/b}, {location: /usr, mountPoint: /mnt/c}]\n",
        false);
    bench_attach(&b);
    bench_greet(&b);
    mounts_booted(b.mounts);
    run_until(b.devices.exports.n > 0);
    b.devices.export_error = ENODEV;
    run_until(b.devices.exports.n + count_errors(&b) == 2 &&
              count_heard(&b, GUEST_MOUNT) == b.devices.exports.n);
    bench_close(&b);
}

static void nobody_waits_for_an_answer_of_an_agent_that_is_gone(void **state)
{
    struct bench b;

    boot_with_a_mount(&b);
    b.n_settled = 0;
    mounts_lost(b.mounts);
    assert_true(mounts_are_settled(b.mounts));
    assert_int_equal(b.n_settled, 1);
    assert_int_equal(count_errors(&b), 0);
    bench_close(&b);
}

static void what_qemu_serves_from_the_start_is_mounted_by_the_boot(void **state)
{
    struct bench b;

    bench_open(&b, "mountType: 9p\n", true);
    assert_int_equal(count_errors(&b), 0); /* also when there is no link */
    bench_attach(&b);
    assert_string_equal(first(&b).type, "9p");
    assert_string_equal(first(&b).state, "mounted");
    bench_greet(&b);
    assert_null(fake_agent_heard(&b.devices, GUEST_MOUNT));
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_close(&b);
}

static void what_the_guest_cannot_mount_is_not_exported_any_more(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add(&b, b.folder, "/mnt/x", false);
    run_until(fake_agent_heard(&b.devices, GUEST_MOUNT));
    assert_int_equal(fake_agent_heard(&b.devices, GUEST_MOUNT)->flags, GUEST_MOUNT_READ_ONLY);
    answer(&b, GUEST_MOUNT, "no virtiofs\x1b");
    run_until(b.n_done == 1 && b.devices.exports.n == 0);
    assert_string_equal(b.outcome, "the guest says: no virtiofs\\x1b");
    assert_int_equal(count_mounts(&b), 0);
    assert_int_equal(count_errors(&b), 0);
    bench_close(&b);
}

static void what_sshfs_does_not_mount_is_an_error_of_the_instance(void **state)
{
    auto_strv struct strv program = { 0 }, options = { 0 }, errors = { 0 };
    struct bench b;

    bench_open(&b, "mountType: reverse-sshfs\n", true);
    mounts_close(b.mounts);
    strv_push(&program, "false"); /* in place of ssh */
    b.mounts = mounts_open(&(struct mounts_params){ .loop = &test_loop,
                                                    .config = &b.config,
                                                    .exporter = exporter_path,
                                                    .ssh.program = &program,
                                                    .ssh.options = &options,
                                                    .ssh.address = "127.0.0.1" });
    assert_false(mounts_are_settled(b.mounts));
    mounts_ssh_usable(b.mounts);
    run_until(mounts_are_settled(b.mounts));
    mounts_errors(b.mounts, &errors);
    assert_int_equal(errors.n, 1);
    check_row(strstr(errors.v[0], "failed with exit status 1"), errors.v[0]);
    bench_close(&b);
}

static void requests_are_checked(void **state)
{
    static const struct {
        const char *location, *mount_point, *why;
    } cases[] = {
        { "relative", "/mnt/x", "absolute" },   { "/nowhere/at/all", "/mnt/x", "not a directory" },
        { "/dev/null", "/mnt/x", "not a dir" }, { "/tmp", "mnt", "absolute" },
        { "/tmp", "/etc", "system path" },      { "/tmp", "/usr/../etc/", "system path" },
        { "/tmp", "/proc", "system path" },     { "/tmp", "/proc/x/y", "system path" },
        { "/tmp", "/sys/fs", "system path" },   { "/tmp", "/dev/shm", "system path" },
        { "/tmp", "/run/", "system path" },     { "/tmp", "/lib", "system path" },
        { "/tmp", "//", "system path" },        { "/tmp", "~/x", "must not start" },
        { "/tmp", "/run/x", "not connected" },  { "/tmp", "/process", "not connected" },
        { "/tmp", "/mnt/x", "not connected" },  { "/etc/passwd", "/mnt/x", "not connected" },
    };
    struct bench b;

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    for (size_t i = 0; i < COUNT(cases); i++) {
        add(&b, cases[i].location, cases[i].mount_point, true);
        check_row(strstr(b.outcome, cases[i].why), cases[i].why);
    }
    add(&b, "/tmp", b.config.user.home, true);
    check_row(strstr(b.outcome, "home directory"), b.outcome);
    assert_int_equal(count_mounts(&b), 0);
    bench_close(&b);
}

static void a_rebooted_guest_is_asked_again(void **state)
{
    struct bench b;

    bench_open_ready(&b);
    add_and_wait(&b, "/mnt/x");
    bench_greet(&b); /* the agent connects anew */
    run_until(fake_agent_heard(&b.devices, GUEST_MOUNT));
    answer(&b, GUEST_MOUNT, "");
    assert_int_equal(b.devices.exports.n, 1);
    bench_close(&b);
}

static void whoever_waits_is_told_when_the_link_ends(void **state)
{
    struct bench b;

    bench_open(&b, "", true);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
    add(&b, b.folder, "/mnt/x", true);
    run_until(fake_agent_heard(&b.devices, GUEST_MOUNT));
    watch_close(MOVE(b.devices.client)); /* the devices process ends */
    run_until(b.is_dead);
    assert_int_equal(b.n_done, 1);
    assert_int_equal(count_mounts(&b), 1);
    assert_string_equal(first(&b).state, "lost");
    assert_int_equal(count_errors(&b), 1);
    bench_close(&b);
}

/* `devices` has died, and its successor is there. */
static void renew(struct bench *b)
{
    watch_close(MOVE(b->devices.client));
    run_until(b->is_dead);
    fake_close(&b->devices);
    assert_true(file_remove(b->sock, NULL));
    fake_open(&b->devices, b->sock);
    mounts_renew(b->mounts);
    bench_attach(b);
    bench_greet(b);
}

static void mounts_wait_for_the_new_device(void **state)
{
    struct bench b;

    bench_open(&b, "", true);
    bench_attach(&b);
    bench_greet(&b);
    run_until(str_eq(first(&b).state, "mounted"));
    renew(&b);
    run_until(b.devices.exports.n == 1);
    assert_string_equal(first(&b).state, "mounting");
    assert_null(fake_agent_heard(&b.devices, GUEST_MOUNT));
    mounts_files(b.mounts, NULL);
    answer(&b, GUEST_MOUNT, "");
    run_until(str_eq(first(&b).state, "mounted"));
    assert_int_equal(count_errors(&b), 0);
    bench_close(&b);
}

static void mounts_without_a_device_are_lost_and_said_to_be(void **state)
{
    auto_strv struct strv errors = { 0 };
    struct bench b;

    bench_open(&b, "", true);
    bench_attach(&b);
    bench_greet(&b);
    run_until(str_eq(first(&b).state, "mounted"));
    renew(&b);
    mounts_files(b.mounts, "it holds on");
    assert_string_equal(first(&b).state, "lost");
    mounts_errors(b.mounts, &errors);
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0], "/mnt/a is lost until the instance is restarted: it holds on");
    assert_string_equal(first(&b).error, errors.v[0]);
    add(&b, b.folder, "/mnt/x", true);
    check_row(strstr(b.outcome, "lost until the instance is restarted"), b.outcome);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        loop_test(configured_folders_are_made_and_exported),
        loop_test(it_is_told_when_the_host_no_longer_has_the_folder),
        loop_test(options_of_the_configuration_become_those_of_the_export),
        loop_test(a_successor_finds_the_exports_of_the_host_agent_before),
        loop_test(what_cannot_be_exported_is_an_error_of_the_instance),
        loop_test(after_the_boot_the_guest_says_whether_its_folders_are_mounted),
        loop_test(a_folder_that_the_boot_did_not_mount_is_an_error_of_the_instance),
        loop_test(folders_that_are_late_are_asked_for_as_well),
        loop_test(a_late_folder_that_fails_does_not_hold_up_the_others),
        loop_test(nobody_waits_for_an_answer_of_an_agent_that_is_gone),
        loop_test(what_qemu_serves_from_the_start_is_mounted_by_the_boot),
        loop_test(what_the_guest_cannot_mount_is_not_exported_any_more),
        loop_test(what_sshfs_does_not_mount_is_an_error_of_the_instance),
        loop_test(requests_are_checked),
        loop_test(a_rebooted_guest_is_asked_again),
        loop_test(whoever_waits_is_told_when_the_link_ends),
        loop_test(mounts_wait_for_the_new_device),
        loop_test(mounts_without_a_device_are_lost_and_said_to_be),
    };
    int begun = mounts_begin(argc, argv);

    return begun ? begun : cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
