/*
 * `devices` and `exporter` themselves, confined as they always are: a fake guest on the file system
 * device sees the folders that a host agent exports, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../temp_dir.h"
#include "../../unit_test.h"
#include "fake_guest.h"
#include "sys/sock.h"
#include "wire/devctl.h"
#include "wire/exporter.h"

#define REQUEST_AT 0x120000u
#define ANSWER_AT  0x130000u
#define ANSWER_LEN 0x1000u

enum { REQUESTS = 1, FD_CONTROL = 60, FD_VSOCK, FD_FS, FD_REPLY };

static const char *devices_path, *exporter_path;

static struct {
    pid_t pid;
    int client, vsock;
    uint32_t next_id;
    uint64_t unique;
    struct fake_guest *g;
} world;

static void spin(void *arg)
{
    struct pollfd fds[2] = { { world.g ? world.g->sock : -1, POLLIN, 0 },
                             { world.g ? world.g->call_fd[1] : -1, POLLIN, 0 } };

    (void)poll(fds, 2, 5);
    if (world.g)
        (void)fake_guest_called(world.g, REQUESTS);
}

struct passed {
    int fd, target;
};

static pid_t spawn(const char *const *args, const struct passed *fds, size_t n)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it may not look at itself */
    for (size_t i = 0; i < n; i++)
        (void)dup2(fds[i].fd, fds[i].target);
    (void)execv(args[0], (char *const *)args);
    _exit(127);
}

static int setup(void **state)
{
    const char *const args[] = { devices_path, "--control-fd", "60", "--vsock-fd",
                                 "61",         "--fs-fd",      "62", NULL };
    auto_mem char *sock = NULL;
    int control, vsock[2], fs[2];

    assert_int_equal(temp_dir_setup(NULL), 0);
    sock = temp_path("sock");
    assert_true(sock_unix_listen(sock, SOCK_SEQPACKET, &control, NULL));
    assert_true(sock_pair(SOCK_STREAM, vsock, NULL) && sock_pair(SOCK_STREAM, fs, NULL));
    world.pid = spawn(
        args,
        (struct passed[]){ { control, FD_CONTROL }, { vsock[1], FD_VSOCK }, { fs[1], FD_FS } }, 3);
    (void)close(control);
    (void)close(vsock[1]);
    (void)close(fs[1]);
    world.vsock = vsock[0];
    assert_true(sock_unix_connect(sock, SOCK_SEQPACKET, &world.client, NULL));
    world.g = fake_guest_new(fs[0], UINT64_MAX, spin, NULL);
    world.g->has_no_rx = true;
    fake_guest_start(world.g, false);
    assert_true(world.g->is_up);
    return 0;
}

static int teardown(void **state)
{
    int status;

    fake_guest_free(world.g);
    (void)close(world.vsock); /* QEMU ends, and with it the program */
    (void)close(world.client);
    assert_int_equal(waitpid(world.pid, &status, 0), world.pid);
    assert_int_equal(status, 0);
    memset(&world, 0, sizeof(world));
    return temp_dir_teardown(NULL);
}

/* ---- the host agent ---- */

static struct devctl_msg control(struct devctl_msg msg, int fd)
{
    static char bytes[DEVCTL_MESSAGE_SIZE_MAX];
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n, n_fds;
    int got;

    msg.id = ++world.next_id;
    n = devctl_encode(&msg, packet);
    assert_true(sock_send_fds(world.client, packet, n, &fd, fd >= 0, NULL));
    do {
        assert_true(sock_recv_fds(world.client, bytes, sizeof(bytes), &n, &got, 1, &n_fds, NULL));
        assert_true(n > 0 && devctl_decode(&msg, (struct sv){ bytes, n }, NULL));
    } while (msg.id != world.next_id);
    return msg;
}

/* The descriptor, or -1 with the reply's text. */
static int export_folder(const char *path, bool read_only, char *reply, size_t size)
{
    const char *const args[] = {
        exporter_path, "--reply-fd", "63", path, read_only ? "--read-only" : NULL, NULL
    };
    int pair[2], fd = -1, status;
    size_t n = 0, n_fds = 0;
    pid_t pid;

    assert_true(sock_pair(SOCK_SEQPACKET, pair, NULL));
    pid = spawn(args, &(struct passed){ pair[1], FD_REPLY }, 1);
    (void)close(pair[1]);
    assert_true(sock_recv_fds(pair[0], reply, size - 1, &n, &fd, 1, &n_fds, NULL));
    reply[n] = '\0';
    (void)close(pair[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return n_fds > 0 ? fd : -1;
}

static uint32_t add_export(const char *path, const char *name, bool read_only)
{
    char reply[EXPORTER_REPLY_LEN_MAX + 1];
    int fd = export_folder(path, read_only, reply, sizeof(reply));
    struct devctl_msg answer;

    if (fd < 0 && strstr(reply, "user namespace"))
        skip(); /* they are forbidden here */
    assert_string_equal(reply, EXPORTER_DONE);
    answer = control((struct devctl_msg){ .type = DEVCTL_EXPORT,
                                          .uid = 501,
                                          .gid = 502,
                                          .data = sv_of(name) }, /* the mount alone is read-only */
                     fd);
    (void)close(fd);
    return answer.error;
}

static void say_hello(void)
{
    assert_int_equal(
        control((struct devctl_msg){ .type = DEVCTL_HELLO, .version = DEVCTL_VERSION }, -1).type,
        DEVCTL_HELLO);
}

/* ---- the guest ---- */

/* Sends a request of a structure and a text; the answer's body is at ANSWER_AT + 16. */
static int ask(uint32_t opcode, uint64_t node, const void *args, size_t n_args, const char *text)
{
    size_t n_text = text ? strlen(text) + 1 : 0;
    struct fuse_in_header head = { .opcode = opcode, .nodeid = node, .unique = ++world.unique };
    struct fuse_out_header out;
    uint8_t *at = world.g->mem + REQUEST_AT;
    uint32_t used, len;

    head.len = (uint32_t)(sizeof(head) + n_args + n_text);
    memcpy(at, &head, sizeof(head));
    if (n_args)
        memcpy(at + sizeof(head), args, n_args);
    if (n_text)
        memcpy(at + sizeof(head) + n_args, text, n_text);
    fake_guest_desc(world.g, REQUESTS, 0, REQUEST_AT, head.len, VRING_DESC_F_NEXT, 1);
    fake_guest_desc(world.g, REQUESTS, 1, ANSWER_AT, ANSWER_LEN, VRING_DESC_F_WRITE, 0);
    fake_guest_offer(world.g, REQUESTS, 0);
    while (!fake_guest_used(world.g, REQUESTS, &used, &len))
        spin(NULL);
    memcpy(&out, world.g->mem + ANSWER_AT, sizeof(out));
    assert_true(out.unique == world.unique);
    return out.error;
}

static const void *body(void)
{
    return world.g->mem + ANSWER_AT + sizeof(struct fuse_out_header);
}

static void greet(void)
{
    const struct fuse_init_in init = { .major = FUSE_KERNEL_VERSION, .minor = 38 };

    assert_int_equal(ask(FUSE_INIT, FUSE_ROOT_ID, &init, sizeof(init), NULL), 0);
}

static int lookup(uint64_t dir, const char *name, uint64_t *out)
{
    int rc = ask(FUSE_LOOKUP, dir, NULL, 0, name);

    *out = rc == 0 ? ((const struct fuse_entry_out *)body())->nodeid : 0;
    return rc;
}

static int create(uint64_t dir, const char *name)
{
    const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0640 };

    return ask(FUSE_CREATE, dir, &in, sizeof(in), name);
}

static int open_node(uint64_t node, uint32_t flags)
{
    const struct fuse_open_in in = { .flags = flags };

    return ask(FUSE_OPEN, node, &in, sizeof(in), NULL);
}

static int write_handle(uint64_t node, uint64_t fh, const char *text)
{
    const struct fuse_write_in in = { .fh = fh, .size = (uint32_t)strlen(text) };
    char args[sizeof(in) + 64];

    memcpy(args, &in, sizeof(in));
    memcpy(args + sizeof(in), text, strlen(text));
    return ask(FUSE_WRITE, node, args, sizeof(in) + strlen(text), NULL);
}

/* ---- tests ---- */

static char *make_folder(const char *name)
{
    char *path = temp_path(name);

    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

static void put_file(const char *name, const char *text)
{
    auto_mem char *path = temp_path(name);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void a_writable_folder_is_written_inside_the_sandbox(void **state)
{
    auto_mem char *folder = make_folder("folder");
    auto_mem char *made = temp_path("folder/made");
    struct fuse_open_out open_out;
    struct stat st;
    uint64_t root, node;

    say_hello();
    assert_int_equal(add_export(folder, "a", false), 0);
    assert_int_equal(add_export(folder, "a", false), EEXIST);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    assert_int_equal(create(root, "made"), 0);
    node = ((const struct fuse_entry_out *)body())->nodeid;
    assert_int_equal(((const struct fuse_entry_out *)body())->attr.uid, 501);
    assert_int_equal(((const struct fuse_entry_out *)body())->attr.gid, 502);
    memcpy(&open_out, (const char *)body() + sizeof(struct fuse_entry_out), sizeof(open_out));
    assert_int_equal(write_handle(node, open_out.fh, "from the guest"), 0);
    assert_int_equal(stat(made, &st), 0);
    assert_int_equal(st.st_size, 14);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_uid, geteuid());
}

static int write_open(uint64_t node, const char *text)
{
    int rc = open_node(node, O_WRONLY);

    return rc < 0 ? rc : write_handle(node, ((const struct fuse_open_out *)body())->fh, text);
}

static void a_single_file_comes_without_its_folder(void **state)
{
    auto_mem char *folder = make_folder("folder");
    auto_mem char *file = temp_path("folder/shared");
    uint64_t root, node;
    struct stat st;

    put_file("folder/shared", "");
    put_file("folder/other", "secret");
    say_hello();
    assert_int_equal(add_export(file, "a", false), 0);
    assert_int_equal(add_export(file, "b", true), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    assert_int_equal(lookup(root, "shared", &node), -ENOENT);
    assert_int_equal(lookup(root, "other", &node), -ENOENT);
    assert_int_equal(create(root, "more"), -EROFS);
    assert_int_equal(lookup(root, EXPORTER_FILE_NAME, &node), 0);
    assert_int_equal(((const struct fuse_entry_out *)body())->attr.uid, 501);
    assert_int_equal(write_open(node, "from the guest"), 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 14);
    assert_int_equal(ask(FUSE_UNLINK, root, NULL, 0, EXPORTER_FILE_NAME), -EROFS);

    assert_int_equal(lookup(FUSE_ROOT_ID, "b", &root), 0);
    assert_int_equal(lookup(root, EXPORTER_FILE_NAME, &node), 0);
    assert_int_equal(open_node(node, O_RDONLY), 0);
    assert_int_equal(write_open(node, "x"), -EROFS);
}

/* EPERM is what the filter answers to calls that it does not know. */
static void expect_allowed(const char *what, int rc)
{
    if (rc != 0 && rc != -EOPNOTSUPP)
        fail_msg("%s: %s", what, strerror(-rc));
}

static int with_two_names(uint32_t opcode, uint64_t node, uint64_t number, uint32_t flags,
                          const char *first, const char *second)
{
    struct {
        uint64_t number;
        uint32_t flags, pad;
    } head = { number, flags, 0 };
    const size_t n_head = opcode == FUSE_SYMLINK ? 0 : opcode == FUSE_RENAME2 ? 16 : 8;
    char args[256];
    size_t n = n_head + strlen(first) + 1;

    memcpy(args, &head, n_head);
    memcpy(args + n_head, first, n - n_head);
    return ask(opcode, node, args, n, second);
}

static void names_of_all_kinds_are_made_inside_the_sandbox(void **state)
{
    const struct fuse_mknod_in node_in = { .mode = S_IFIFO | 0600 };
    const struct fuse_mkdir_in dir_in = { .mode = 0755 };
    const struct fuse_setattr_in change = { .valid = FATTR_MODE | FATTR_MTIME | FATTR_MTIME_NOW,
                                            .mode = 0700 };
    const struct fuse_getattr_in getattr_in = { 0 };
    auto_mem char *folder = make_folder("folder");
    uint64_t root, node;

    say_hello();
    assert_int_equal(add_export(folder, "a", false), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    expect_allowed("statfs", ask(FUSE_STATFS, root, NULL, 0, NULL));
    expect_allowed("getattr", ask(FUSE_GETATTR, root, &getattr_in, sizeof(getattr_in), NULL));
    expect_allowed("setattr", ask(FUSE_SETATTR, root, &change, sizeof(change), NULL));
    expect_allowed("mkdir", ask(FUSE_MKDIR, root, &dir_in, sizeof(dir_in), "dir"));
    expect_allowed("mknod", ask(FUSE_MKNOD, root, &node_in, sizeof(node_in), "pipe"));
    expect_allowed("symlink", with_two_names(FUSE_SYMLINK, root, 0, 0, "link", "target"));
    node = ((const struct fuse_entry_out *)body())->nodeid;
    expect_allowed("readlink", ask(FUSE_READLINK, node, NULL, 0, NULL));
    assert_int_equal(lookup(root, "pipe", &node), 0);
    expect_allowed("link", ask(FUSE_LINK, root, &node, sizeof(node), "pipe2"));
    expect_allowed("rename", with_two_names(FUSE_RENAME2, root, root, 0, "pipe", "pipe3"));
    expect_allowed("exchange", with_two_names(FUSE_RENAME2, root, root, 2, "pipe2", "dir"));
    expect_allowed("unlink", ask(FUSE_UNLINK, root, NULL, 0, "pipe3"));
    expect_allowed("rmdir", ask(FUSE_RMDIR, root, NULL, 0, "pipe2"));
}

static void files_are_used_in_all_ways_inside_the_sandbox(void **state)
{
    auto_mem char *folder = make_folder("folder");
    struct fuse_open_out open_out;
    struct fuse_open_in open_in = { 0 };
    struct fuse_create_in tmp = { .flags = O_RDWR, .mode = S_IFREG | 0600 };
    struct fuse_read_in read_in = { .size = 512 };
    struct fuse_fsync_in sync_in = { 0 };
    struct fuse_fallocate_in space = { .length = 8192 };
    struct fuse_lseek_in seek = { .whence = SEEK_HOLE };
    struct fuse_setattr_in size = { .valid = FATTR_SIZE, .size = 100 };
    struct fuse_copy_file_range_in copy = { .len = 10 };
    struct fuse_getxattr_in xattr = { .size = 100 };
    const char setxattr[] = "\1\0\0\0\0\0\0\0user.x\0v"; /* one byte, no flags */
    uint64_t root, node;

    say_hello();
    assert_int_equal(add_export(folder, "a", false), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    assert_int_equal(create(root, "f"), 0);
    node = copy.nodeid_out = ((const struct fuse_entry_out *)body())->nodeid;
    memcpy(&open_out, (const char *)body() + sizeof(struct fuse_entry_out), sizeof(open_out));
    read_in.fh = sync_in.fh = space.fh = seek.fh = copy.fh_in = copy.fh_out = open_out.fh;
    copy.off_out = 1000;
    expect_allowed("write", write_handle(node, open_out.fh, "data"));
    expect_allowed("read", ask(FUSE_READ, node, &read_in, sizeof(read_in), NULL));
    expect_allowed("fsync", ask(FUSE_FSYNC, node, &sync_in, sizeof(sync_in), NULL));
    sync_in.fsync_flags = FUSE_FSYNC_FDATASYNC;
    expect_allowed("fdatasync", ask(FUSE_FSYNC, node, &sync_in, sizeof(sync_in), NULL));
    expect_allowed("fallocate", ask(FUSE_FALLOCATE, node, &space, sizeof(space), NULL));
    expect_allowed("lseek", ask(FUSE_LSEEK, node, &seek, sizeof(seek), NULL));
    expect_allowed("truncate", ask(FUSE_SETATTR, node, &size, sizeof(size), NULL));
    expect_allowed("copy", ask(FUSE_COPY_FILE_RANGE, node, &copy, sizeof(copy), NULL));
    expect_allowed("setxattr", ask(FUSE_SETXATTR, node, setxattr, sizeof(setxattr) - 1, NULL));
    expect_allowed("listxattr", ask(FUSE_LISTXATTR, node, &xattr, sizeof(xattr), NULL));
    expect_allowed("getxattr", ask(FUSE_GETXATTR, node, &xattr, sizeof(xattr), "user.x"));
    expect_allowed("removexattr", ask(FUSE_REMOVEXATTR, node, NULL, 0, "user.x"));
    expect_allowed("tmpfile", ask(FUSE_TMPFILE, root, &tmp, sizeof(tmp), "#1"));
    expect_allowed("syncfs", ask(FUSE_SYNCFS, root, "\0\0\0\0\0\0\0", 8, NULL));
    assert_int_equal(ask(FUSE_OPENDIR, root, &open_in, sizeof(open_in), NULL), 0);
    read_in.fh = ((const struct fuse_open_out *)body())->fh;
    expect_allowed("readdir", ask(FUSE_READDIRPLUS, root, &read_in, sizeof(read_in), NULL));
}

static void a_read_only_mount_refuses_writing_by_itself(void **state)
{
    auto_mem char *folder = make_folder("folder");
    uint64_t root, node;

    put_file("folder/f", "data");
    say_hello();
    assert_int_equal(add_export(folder, "ro", true), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "ro", &root), 0);
    assert_int_equal(lookup(root, "f", &node), 0);
    assert_int_equal(open_node(node, O_RDWR), -EROFS);
    assert_int_equal(create(root, "made"), -EROFS);
    assert_int_equal(ask(FUSE_UNLINK, root, NULL, 0, "f"), -EROFS);
    assert_int_equal(open_node(node, O_RDONLY), 0);
}

static void an_export_can_be_taken_back(void **state)
{
    auto_mem char *folder = make_folder("folder");
    const struct devctl_msg unexport = { .type = DEVCTL_UNEXPORT, .data = SV("a") };
    uint64_t root, again;

    say_hello();
    assert_int_equal(control(unexport, -1).error, ENOENT);
    assert_int_equal(add_export(folder, "a", false), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    assert_int_equal(control(unexport, -1).error, 0);
    assert_int_equal(create(root, "made"), -ESTALE);
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &again), -ENOENT);
    assert_int_equal(add_export(folder, "a", false), 0);
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &again), 0);
    assert_true(again != root);
}

static void what_is_open_survives_its_export(void **state)
{
    auto_mem char *folder = make_folder("folder");
    auto_mem char *made = temp_path("folder/f");
    const struct devctl_msg detach = { .type = DEVCTL_DETACH, .data = SV("a") };
    struct fuse_release_in release = { 0 };
    struct fuse_open_out open_out;
    struct stat st;
    uint64_t root, node, again;

    say_hello();
    assert_int_equal(control(detach, -1).error, ENOENT);
    assert_int_equal(add_export(folder, "a", false), 0);
    greet();
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &root), 0);
    assert_int_equal(create(root, "f"), 0);
    node = ((const struct fuse_entry_out *)body())->nodeid;
    memcpy(&open_out, (const char *)body() + sizeof(struct fuse_entry_out), sizeof(open_out));
    assert_int_equal(control(detach, -1).error, 0);
    assert_int_equal(lookup(FUSE_ROOT_ID, "a", &again), -ENOENT);
    assert_int_equal(write_handle(node, open_out.fh, "data"), 0);
    release.fh = open_out.fh;
    assert_int_equal(ask(FUSE_RELEASE, node, &release, sizeof(release), NULL), 0);
    assert_int_equal(stat(made, &st), 0);
    assert_int_equal(st.st_size, 4);
}

static void what_is_no_folder_is_not_exported(void **state)
{
    char reply[EXPORTER_REPLY_LEN_MAX + 1];
    auto_mem char *file = temp_path("file");
    auto_mem char *pipe = temp_path("pipe");
    auto_mem char *missing = temp_path("missing");
    struct devctl_msg answer;
    auto_fd int fd = -1;

    put_file("file", "");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(export_folder(pipe, false, reply, sizeof(reply)), -1);
    assert_true(strstr(reply, "Not a directory") || strstr(reply, "user namespace"));
    assert_int_equal(export_folder(missing, false, reply, sizeof(reply)), -1);
    assert_true(strstr(reply, "No such file") || strstr(reply, "user namespace"));
    say_hello();
    fd = open(file, O_PATH | O_CLOEXEC);
    answer = control((struct devctl_msg){ .type = DEVCTL_EXPORT, .data = SV("f") }, fd);
    assert_int_equal(answer.error, EINVAL);
    (void)close(fd);
    fd = open(temp_dir, O_PATH | O_CLOEXEC);
    answer = control((struct devctl_msg){ .type = DEVCTL_EXPORT, .data = SV("a/b") }, fd);
    assert_int_equal(answer.error, EINVAL);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_writable_folder_is_written_inside_the_sandbox),
        CASE(a_single_file_comes_without_its_folder),
        CASE(names_of_all_kinds_are_made_inside_the_sandbox),
        CASE(files_are_used_in_all_ways_inside_the_sandbox),
        CASE(a_read_only_mount_refuses_writing_by_itself),
        CASE(an_export_can_be_taken_back),
        CASE(what_is_open_survives_its_export),
        CASE(what_is_no_folder_is_not_exported),
    };

    if (argc != 3)
        return 2;
    devices_path = argv[1];
    exporter_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
