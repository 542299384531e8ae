/*
 * Mounts of a host agent under test: `devices` and the guest agent are played by the test, the
 * exporter is the real one (the tests' argument).
 */
#ifndef TEST_MOUNTS_FIXTURE_H
#define TEST_MOUNTS_FIXTURE_H

#include "prog/hostagent/mounts.h"

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
    unsigned n_done, n_settled;
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

static void bench_settled(void *arg)
{
    struct bench *b = arg;

    b->n_settled++;
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
        .loop = &test_loop,
        .config = &b->config,
        .exporter = exporter_path,
        .on_settled = bench_settled,
        .arg = b,
    });
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

static void answer(struct bench *b, enum guest_type type, const char *text)
{
    run_until(fake_agent_heard(&b->devices, type));
    fake_agent_say(&b->devices, &(struct guest_msg){ .type = GUEST_MOUNT_RESULT,
                                                     .id = fake_agent_heard(&b->devices, type)->id,
                                                     .text = sv_of(text) });
    fake_agent_forget(&b->devices);
}

static void add_and_wait(struct bench *b, const char *mount_point)
{
    unsigned n = b->n_done;

    add(b, b->folder, mount_point, true);
    answer(b, GUEST_MOUNT, "");
    run_until(b->n_done == n + 1);
    assert_string_equal(b->outcome, "mounted");
}

static inline size_t count_heard(const struct bench *b, enum guest_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < b->devices.said.n; i++)
        n += b->devices.said.v[i].type == type;
    return n;
}

/* Without mounts, with a folder to add, and a guest agent that has greeted. */
static inline void bench_open_ready(struct bench *b)
{
    bench_open(b, "", false);
    assert_true(dir_make(b->folder, 0755, NULL));
    bench_attach(b);
    bench_greet(b);
}

static bool has_user_namespaces(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(userns_enter(0, NULL) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* 0, or what main() returns instead of running tests. */
static int mounts_begin(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    exporter_path = argv[1];
    return has_user_namespaces() ? 0 : 77; /* skipped */
}

#endif
