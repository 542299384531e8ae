/* Changes of files on their way to the guest agent, which the test plays. */
#include "prog/hostagent/touches.h"

#include <sys/stat.h>

#include "forwards_fixture.h"
#include "prog/hostagent/guest_link.h"

struct bench {
    struct fixture fixture;
    struct touches *touches;
    char *folder;
};

static void bench_open(struct bench *b, const char *options)
{
    auto_mem char *yaml = NULL;

    *b = (struct bench){ .folder = temp_path("folder") };
    assert_true(dir_make(b->folder, 0700, NULL));
    yaml = mem_printf("mountInotify: true\nmountType: 9p\n"
                      "mounts: [{location: %s, mountPoint: /mnt/a, %s}]\n",
                      b->folder, options);
    fixture_open(&b->fixture, yaml);
    b->touches = touches_open(&test_loop, &b->fixture.config);
    assert_non_null(b->touches);
    settle(&b->fixture); /* the folder is watched by now */
    touches_attach(b->touches, b->fixture.link);
}

static void bench_close(struct bench *b)
{
    touches_detach(b->touches);
    touches_close(b->touches);
    fixture_close(&b->fixture);
    assert_true(dir_remove_tree(b->folder, NULL));
    free(b->folder);
}

/* Makes a file; yields its time of change. */
static int64_t make_file(const struct bench *b, const char *name)
{
    auto_mem char *path = path_join(b->folder, name);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

/* As the agent in the guest does. */
static void set_time(const struct bench *b, const char *name, int64_t ns)
{
    const struct timespec at = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    const struct timespec times[] = { at, at };
    auto_mem char *path = path_join(b->folder, name);

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static size_t n_told(const struct bench *b, int64_t ns)
{
    size_t n = 0;

    for (size_t i = 0; i < b->fixture.devices.said.n; i++)
        n += b->fixture.devices.said.v[i].type == GUEST_TOUCH &&
             b->fixture.devices.said.v[i].time_ns == ns;
    return n;
}

static void a_change_is_told_once_with_its_time(void **state)
{
    const int64_t later = 4000000000000000000;
    struct bench b;
    int64_t ns;

    bench_open(&b, "writable: true");
    ns = make_file(&b, "a");
    run_until(n_told(&b, ns) == 1);
    set_time(&b, "a", ns);
    set_time(&b, "a", ns - 1000);
    set_time(&b, "a", later);
    run_until(n_told(&b, later) == 1);
    assert_int_equal(n_told(&b, ns), 1);
    assert_int_equal(n_told(&b, ns - 1000), 0);
    bench_close(&b);
}

static void what_the_guest_cannot_write_is_not_told(void **state)
{
    struct bench b;
    int64_t ns;

    bench_open(&b, "writable: false");
    ns = make_file(&b, "a");
    settle(&b.fixture);
    assert_int_equal(n_told(&b, ns), 0);
    bench_close(&b);
}

static void nothing_is_watched_unless_asked_for(void **state)
{
    struct instance_config config = { 0 };

    load(&config, temp_dir, "mountType: 9p\n");
    assert_null(touches_open(&test_loop, &config));
    config_done(&config);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        loop_test(a_change_is_told_once_with_its_time),
        loop_test(what_the_guest_cannot_write_is_not_told),
        loop_test(nothing_is_watched_unless_asked_for),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
