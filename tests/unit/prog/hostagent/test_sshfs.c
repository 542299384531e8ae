/*
 * A mount by reverse-sshfs, with the real exporter; "ssh" is a script that plays the guest. Called
 * for sshfs it notes its words, says that it is mounted and copies its input to a file, so that it
 * ends with the server; called with a script on its input it says whether it is mounted.
 */
#include "prog/hostagent/sshfs.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_test.h"
#include "sys/file.h"
#include "sys/userns.h"
#include "temp_dir.h"

static const char *exporter_path;

static const char ssh_script[] =
    "#!/bin/sh\n"
    "dir=${0%/*}\n"
    "case \"$*\" in\n"
    "*' sh -c '*) ;;\n"
    "*) cat >/dev/null; while [ ! -e \"$dir/up\" ]; do :; done; exit 0 ;;\n"
    "esac\n"
    "printf '%s\\n' \"$@\" >>\"$dir/words\"\n"
    "echo >>\"$dir/starts\"\n"
    "if [ -e \"$dir/why\" ]; then cat \"$dir/why\" >&2; fi\n"
    "if [ -e \"$dir/status\" ]; then exit \"$(cat \"$dir/status\")\"; fi\n"
    "echo $$ >\"$dir/pid.new\"; mv \"$dir/pid.new\" \"$dir/pid\"\n"
    ": >\"$dir/up\"\n"
    "exec cat >\"$dir/served\"\n";

struct bench {
    struct strv program, options;
    char *folder;
    struct sshfs *sshfs;
    unsigned n_mounted, n_lost, n_failed;
    char *why;
};

static void mounted(void *arg)
{
    ((struct bench *)arg)->n_mounted++;
}

static void lost(void *arg)
{
    ((struct bench *)arg)->n_lost++;
}

static void failed(void *arg, const struct err *err)
{
    struct bench *b = arg;

    b->n_failed++;
    mem_replace(&b->why, mem_printf("%s; %s", err_text(err), err_hint_text(err)));
    sshfs_close(MOVE(b->sshfs));
}

static const struct sshfs_events events = { mounted, lost, failed };

static void note(const char *name, const char *text)
{
    auto_mem char *path = temp_path(name);

    assert_true(file_write_atomic(path, sv_of(text), 0700, NULL));
}

static char *noted(const char *name)
{
    auto_mem char *path = temp_path(name);
    char *text = NULL;

    return file_read_text(path, 1 << 20, &text, NULL) ? text : mem_strdup("");
}

static size_t n_starts(void)
{
    auto_mem char *text = noted("starts");

    return strlen(text);
}

static int bench_setup(void **state)
{
    assert_int_equal(temp_dir_setup(NULL), 0);
    note("ssh", ssh_script);
    return loop_setup(state);
}

static int bench_teardown(void **state)
{
    int rc = loop_teardown(state);

    /* What a killed script had started may still make a file. */
    for (int i = 0; i < 1000 && !dir_remove_tree(temp_dir, NULL); i++)
        ;
    return rc | temp_dir_teardown(state);
}

static bool bench_open(struct bench *b, const struct sshfs_params *how, struct err **errp)
{
    struct sshfs_params params = *how;

    *b = (struct bench){ .folder = temp_path("a folder") };
    strv_push_take(&b->program, temp_path("ssh"));
    strv_push(&b->options, "ControlMaster=auto");
    if (!file_exists(b->folder))
        assert_int_equal(mkdir(b->folder, 0700), 0);
    params.loop = &test_loop;
    params.ssh.program = &b->program;
    params.ssh.options = &b->options;
    params.ssh.address = "127.0.0.1";
    params.ssh.port = 22;
    params.exporter = exporter_path;
    params.location = how->location ? how->location : b->folder;
    params.mount_point = "/mnt/a point";
    params.guest_id = 1000;
    params.events = &events;
    params.arg = b;
    b->sshfs = sshfs_open(&params, errp);
    return b->sshfs != NULL;
}

static void bench_close(struct bench *b)
{
    sshfs_close(b->sshfs);
    strv_done(&b->program);
    strv_done(&b->options);
    free(b->folder);
    free(b->why);
}

static void sshfs_is_called_as_configured(void **state)
{
    struct bench b;
    auto_mem char *words = NULL;

    assert_true(bench_open(
        &b, &(struct sshfs_params){ .sftp_driver = "builtin", .follow_links = true }, NULL));
    run_until(b.n_mounted == 1);
    words = noted("words");
    assert_non_null(strstr(words, "ControlPath=none\n"));
    assert_non_null(strstr(words, "\n'/mnt/a point'\n':"));
    assert_non_null(strstr(words, "/a folder'\n'/mnt/a point'\n-o\nslave\n-o\nro\n-o\n"
                                  "allow_other,cache=no,follow_symlinks\n"));
    bench_close(&b);
}

static void a_lost_connection_is_made_anew(void **state)
{
    struct bench b;
    auto_mem char *pid = NULL;

    assert_true(
        bench_open(&b, &(struct sshfs_params){ .sftp_driver = "builtin", .writable = true }, NULL));
    run_until(b.n_mounted == 1);
    pid = noted("pid");
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
    run_until(b.n_lost == 1);
    run_until(b.n_mounted == 2);
    assert_int_equal(n_starts(), 2);
    assert_int_equal(b.n_failed, 0);
    bench_close(&b);
}

static void what_is_unmounted_in_the_guest_stays_so(void **state)
{
    struct bench b;

    note("status", "0");
    note("up", "");
    assert_true(bench_open(&b, &(struct sshfs_params){ .sftp_driver = "builtin" }, NULL));
    run_until(b.n_failed == 1);
    assert_non_null(strstr(b.why, "unmounted in the guest"));
    bench_close(&b);
}

static void reasons_are_told(void **state)
{
    static const struct {
        const char *status, *why, *told;
        size_t n_starts;
    } cases[] = {
        { "127", "sh: sshfs: not found", "the guest has no sshfs; install its package", 1 },
        { "1", "fuse: bad mount point", "bad mount point", 1 },
        { "1", "use the 'nonempty' mount option", "nonempty", 2 },
        { "255", "Connection refused", "Connection refused", 4 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *starts = temp_path("starts");
        struct bench b;

        assert_true(file_remove(starts, NULL));
        note("status", cases[i].status);
        note("why", cases[i].why);
        assert_true(bench_open(&b, &(struct sshfs_params){ .sftp_driver = "builtin" }, NULL));
        run_until(b.n_failed == 1);
        check_row(strstr(b.why, cases[i].told), b.why);
        check_row(n_starts() == cases[i].n_starts, cases[i].why);
        bench_close(&b);
    }
}

static void what_the_host_lacks_is_told(void **state)
{
    auto_err struct err *err = NULL;
    struct bench b;

    assert_false(bench_open(&b, &(struct sshfs_params){ .sftp_driver = "other" }, &err));
    assert_non_null(strstr(err_text(err), "unknown sftpDriver \"other\""));
    bench_close(&b);
    note("status", "1"); /* sshfs is not served, and ends */
    assert_true(bench_open(
        &b, &(struct sshfs_params){ .sftp_driver = "builtin", .location = "/none" }, NULL));
    run_until(b.n_failed == 1);
    assert_non_null(strstr(b.why, "/none"));
    bench_close(&b);
}

static bool has_namespaces(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(userns_enter(0, NULL) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(sshfs_is_called_as_configured),
        CASE(a_lost_connection_is_made_anew),
        CASE(what_is_unmounted_in_the_guest_stays_so),
        CASE(reasons_are_told),
        CASE(what_the_host_lacks_is_told),
    };

    if (argc < 2 || !has_namespaces())
        return 77; /* skipped */
    exporter_path = argv[1];
    /* A confined process cannot look for its leaks. Ours has read its options already. */
    (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
