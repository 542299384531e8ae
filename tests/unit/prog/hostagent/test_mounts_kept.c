/* Mounts that outlive the host agent. */
#include <sys/stat.h>

#include "mounts_fixture.h"

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
    add_and_wait(&b, "/mnt/x");
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

static void what_was_removed_stays_removed(void **state)
{
    auto_mem char *path = temp_path("hot-mounts.json");
    auto_mem char *text = NULL, *rest = NULL;
    struct bench b;

    bench_open(&b, "", true);
    assert_true(file_write_atomic(b.machine_path, SV("1"), 0600, NULL));
    adopt(&b, false);
    bench_attach(&b);
    bench_greet(&b);
    run_until(str_eq(first(&b).state, "mounted"));
    mounts_remove(b.mounts, "/mnt/a", false, done, &b);
    answer(&b, GUEST_UNMOUNT, "");
    run_until(b.n_done == 1);
    add_and_wait(&b, "/mnt/a");
    text = kept();
    assert_non_null(text);
    mounts_detach(b.mounts);
    guest_link_close(MOVE(b.link));
    mounts_close(MOVE(b.mounts));
    rest = kept();
    assert_null(rest);

    assert_true(file_write_atomic(path, sv_of(text), 0600, NULL)); /* it was killed */
    adopt(&b, true);
    assert_int_equal(count_mounts(&b), 1);
    assert_true(first(&b).writable && !first(&b).is_configured);
    adopt(&b, true); /* closed as usual: there is another machine */
    assert_int_equal(count_mounts(&b), 1);
    assert_true(first(&b).is_configured);
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

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        loop_test(what_was_asked_for_outlives_the_host_agent),
        loop_test(what_was_removed_stays_removed),
        loop_test(what_is_kept_is_examined),
    };
    int begun = mounts_begin(argc, argv);

    return begun ? begun : cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
