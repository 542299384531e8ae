/*
 * Folders on their way to the guest: `devices` and the guest agent are played by the test, the
 * exporter is the real one.
 */
#include "prog/hostagent/mounts.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "forwards_fixture.h"
#include "prog/hostagent/guest_link.h"
#include "sys/userns.h"

static const char *exporter_path;

struct bench {
    struct instance_config config;
    struct fake_devices devices;
    struct guest_link *link;
    struct mounts *mounts;
    char *folder, *sock, *machine_path;
    bool is_greeted, is_dead;
    unsigned n_done;
    char *outcome; /* of the last request: the state, or the error */
};

static void bench_hello(void *arg, const struct guest_msg *hello)
{
    struct bench *b = arg;

    b->is_greeted = true;
    mounts_greeted(b->mounts);
}

static void bench_phase(void *arg, enum guest_phase phase, enum guest_state state, struct sv text)
{
}

static void bench_result(void *arg, const struct guest_msg *msg)
{
    struct bench *b = arg;

    mounts_answer(b->mounts, msg);
}

static void bench_lost(void *arg)
{
    struct bench *b = arg;

    b->is_greeted = false;
    mounts_lost(b->mounts);
}

static void bench_dead(void *arg, const struct err *err)
{
    struct bench *b = arg;

    b->is_dead = true;
    mounts_detach(b->mounts);
    guest_link_close(MOVE(b->link));
}

static const struct guest_link_events bench_events = {
    .on_hello = bench_hello,
    .on_phase = bench_phase,
    .on_mount_result = bench_result,
    .on_lost = bench_lost,
    .on_dead = bench_dead,
};

static void done(void *arg, const struct mount_info *info, const struct err *err)
{
    struct bench *b = arg;

    b->n_done++;
    mem_replace(&b->outcome, mem_strdup(err ? err_text(err) : info->state));
}

static void add(struct bench *b, const char *location, const char *mount_point, bool writable)
{
    mounts_add(b->mounts,
               &(struct mount_request){ .type = "virtiofs",
                                        .location = location,
                                        .mount_point = mount_point,
                                        .writable = writable },
               done, b);
}

static void bench_attach(struct bench *b)
{
    struct driver_link where = { .kind = DRIVER_LINK_DEVICES, .path = b->sock };

    b->link = guest_link_open(&test_loop, where, &bench_events, b, NULL);
    assert_non_null(b->link);
    fake_accept(&b->devices);
    mounts_attach(b->mounts, b->link);
}

static void bench_greet(struct bench *b)
{
    fake_agent_connect(&b->devices);
    run_until(b->is_greeted);
}

static void bench_open(struct bench *b, const char *yaml, bool has_mount)
{
    auto_mem char *mounts = NULL;

    *b = (struct bench){ .folder = temp_path("folder"),
                         .sock = temp_path("devices.sock"),
                         .machine_path = temp_path("machine.pid") };
    mounts =
        mem_printf("%s%s%s%s", yaml, has_mount ? "mounts: [{mountPoint: /mnt/a, location: " : "",
                   has_mount ? b->folder : "", has_mount ? "}]\n" : "");
    load(&b->config, temp_dir, mounts);
    fake_open(&b->devices, b->sock);
    b->mounts = mounts_open(&(struct mounts_params){
        .loop = &test_loop, .config = &b->config, .exporter = exporter_path });
}

static void bench_close(struct bench *b)
{
    mounts_detach(b->mounts);
    guest_link_close(b->link);
    mounts_close(b->mounts);
    fake_close(&b->devices);
    assert_true(file_remove(b->sock, NULL) && dir_remove_tree(b->folder, NULL));
    config_done(&b->config);
    free(b->folder);
    free(b->sock);
    free(b->machine_path);
    free(b->outcome);
}

static struct mount_info first(const struct bench *b)
{
    struct mount_info info = { 0 };
    const void *at = NULL;

    (void)mounts_next(b->mounts, &at, &info);
    return info;
}

static size_t count_mounts(const struct bench *b)
{
    struct mount_info info;
    const void *at = NULL;
    size_t n = 0;

    while (mounts_next(b->mounts, &at, &info))
        n++;
    return n;
}

static size_t count_errors(const struct bench *b)
{
    auto_strv struct strv errors = { 0 };

    mounts_errors(b->mounts, &errors);
    return errors.n;
}

static void answer(struct bench *b, enum guest_type type, const char *text)
{
    run_until(fake_agent_heard(&b->devices, type));
    fake_agent_say(&b->devices, &(struct guest_msg){ .type = GUEST_MOUNT_RESULT,
                                                     .id = fake_agent_heard(&b->devices, type)->id,
                                                     .text = sv_of(text) });
    fake_agent_forget(&b->devices);
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

static void a_folder_is_added_and_removed(void **state)
{
    struct bench b;

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
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

static void add_and_wait(struct bench *b, const char *mount_point)
{
    unsigned n = b->n_done;

    add(b, b->folder, mount_point, true);
    answer(b, GUEST_MOUNT, "");
    run_until(b->n_done == n + 1);
    assert_string_equal(b->outcome, "mounted");
}

static size_t count_heard(const struct bench *b, enum guest_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < b->devices.said.n; i++)
        n += b->devices.said.v[i].type == type;
    return n;
}

static void force_removes_what_lies_in_it_first(void **state)
{
    struct bench b;

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
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

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
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

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
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

static void what_the_guest_cannot_mount_is_not_exported_any_more(void **state)
{
    struct bench b;

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
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

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    bench_attach(&b);
    bench_greet(&b);
    add(&b, b.folder, "/mnt/x", true);
    answer(&b, GUEST_MOUNT, "");
    run_until(b.n_done == 1);
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

/* Opens them anew, as a host agent that takes over a machine does. */
static void adopt(struct bench *b, bool is_adopting)
{
    mounts_close(b->mounts);
    b->mounts = mounts_open(&(struct mounts_params){ .loop = &test_loop,
                                                     .config = &b->config,
                                                     .exporter = exporter_path,
                                                     .dir = temp_dir,
                                                     .machine_path = b->machine_path,
                                                     .is_adopting = is_adopting });
}

static void keep(const char *machine, const char *mounts)
{
    auto_mem char *path = temp_path("hot-mounts.json");
    auto_mem char *text = mem_printf("{\"machine\": \"%s\", \"mounts\": [%s]}", machine, mounts);

    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL));
}

static char *kept(void)
{
    auto_mem char *path = temp_path("hot-mounts.json");
    char *text = NULL;

    return file_read_text(path, 65536, &text, NULL) ? text : NULL;
}

static void what_was_asked_for_outlives_the_host_agent(void **state)
{
    auto_mem char *path = temp_path("hot-mounts.json");
    auto_mem char *text = NULL, *rest = NULL;
    struct bench b;

    bench_open(&b, "", false);
    assert_true(dir_make(b.folder, 0755, NULL));
    assert_true(file_write_atomic(b.machine_path, SV("1"), 0600, NULL));
    adopt(&b, false);
    bench_attach(&b);
    bench_greet(&b);
    add(&b, b.folder, "/mnt/x", true);
    answer(&b, GUEST_MOUNT, "");
    run_until(b.n_done == 1);
    text = kept();
    assert_non_null(text);
    mounts_detach(b.mounts);
    guest_link_close(MOVE(b.link));
    adopt(&b, false); /* another machine is started */
    rest = kept();
    assert_null(rest);
    assert_int_equal(count_mounts(&b), 0);

    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL)); /* it was killed */
    mounts_close(MOVE(b.mounts));
    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL));
    adopt(&b, true);
    assert_int_equal(count_mounts(&b), 1);
    assert_true(first(&b).writable && !first(&b).is_configured);
    b.devices.export_error = EEXIST;
    b.is_greeted = false;
    fake_close(&b.devices);
    assert_true(file_remove(b.sock, NULL));
    fake_open(&b.devices, b.sock);
    b.devices.export_error = EEXIST;
    bench_attach(&b);
    bench_greet(&b);
    answer(&b, GUEST_MOUNT, "");
    run_until(str_eq(first(&b).state, "mounted"));
    mounts_remove(b.mounts, "/mnt/x", false, done, &b);
    answer(&b, GUEST_UNMOUNT, "");
    run_until(b.n_done == 2);
    assert_int_equal(count_mounts(&b), 0);
    rest = kept();
    assert_null(rest);
    bench_close(&b);
}

#define KEPT(name, type, location, point)                                        \
    "{\"name\": \"" name "\", \"type\": \"" type "\", \"hostPath\": \"" location \
    "\", \"mountPoint\": \"" point "\", \"writable\": false}"

static void what_is_kept_is_examined(void **state)
{
    static const struct {
        const char *machine, *mounts;
        size_t n;
    } cases[] = {
        { NULL, KEPT("hot-1", "virtiofs", "/tmp", "/mnt/x"), 1 },
        { "0.000000001", KEPT("hot-1", "virtiofs", "/tmp", "/mnt/x"), 0 },
        { NULL, "", 0 },
        { NULL, "7", 0 },
        { NULL, "{}", 0 },
        { NULL, KEPT("../1", "virtiofs", "/tmp", "/mnt/x"), 0 },
        { NULL, KEPT("hot-1", "nfs", "/tmp", "/mnt/x"), 0 },
        { NULL, KEPT("hot-1", "virtiofs", "tmp", "/mnt/x"), 0 },
        { NULL, KEPT("hot-1", "virtiofs", "/tmp", "mnt"), 0 },
        { NULL,
          KEPT("hot-1", "virtiofs", "/tmp", "/mnt/x") "," KEPT("hot-2", "virtiofs", "/tmp",
                                                               "/mnt/x"),
          1 },
        { NULL, "]", 0 },
    };
    struct stat st;
    struct bench b;

    bench_open(&b, "", false);
    assert_true(file_write_atomic(b.machine_path, SV("1"), 0600, NULL));
    assert_true(stat(b.machine_path, &st) == 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *mark =
            mem_printf("%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);

        mounts_close(MOVE(b.mounts));
        keep(cases[i].machine ? cases[i].machine : mark, cases[i].mounts);
        adopt(&b, true);
        check_row(count_mounts(&b) == cases[i].n, cases[i].mounts);
    }
    bench_close(&b);
}

static bool has_user_namespaces(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(userns_enter(0, NULL) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        loop_test(configured_folders_are_made_and_exported),
        loop_test(options_of_the_configuration_become_those_of_the_export),
        loop_test(a_successor_finds_the_exports_of_the_host_agent_before),
        loop_test(what_cannot_be_exported_is_an_error_of_the_instance),
        loop_test(what_qemu_serves_from_the_start_is_mounted_by_the_boot),
        loop_test(a_folder_is_added_and_removed),
        loop_test(force_removes_what_lies_in_it_first),
        loop_test(without_force_only_the_one_that_was_named_is_removed),
        loop_test(what_lies_in_it_stays_when_the_agent_is_lost),
        loop_test(what_the_guest_cannot_mount_is_not_exported_any_more),
        loop_test(what_sshfs_does_not_mount_is_an_error_of_the_instance),
        loop_test(requests_are_checked),
        loop_test(a_rebooted_guest_is_asked_again),
        loop_test(whoever_waits_is_told_when_the_link_ends),
        loop_test(mounts_wait_for_the_new_device),
        loop_test(mounts_without_a_device_are_lost_and_said_to_be),
        loop_test(what_was_asked_for_outlives_the_host_agent),
        loop_test(what_is_kept_is_examined),
    };

    if (argc != 2)
        return 2;
    exporter_path = argv[1];
    if (!has_user_namespaces())
        return 77; /* skipped */
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
