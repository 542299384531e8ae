/* The program itself, confined as it always is, between a fake QEMU with its guest and a host agent. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../unit_test.h"
#include "base/mem.h"
#include "fake_vsock.h"
#include "sys/sock.h"
#include "wire/devctl.h"

#define ECHO_PORT 7

static const char *program;

struct world {
    char dir[32], *path;
    pid_t pid;
    int extra_fd; /* our end of a pipe whose other end the program inherited */
    struct fake_guest *g;
    struct fake_vsock guest;
    int client;
    uint32_t next_id;
};

/* Lets the program work: waits a moment for what it sends to QEMU or the guest. */
static void spin(void *arg)
{
    struct world *w = arg;
    struct pollfd fds[2] = { { w->g ? w->g->sock : -1, POLLIN, 0 },
                             { w->g ? w->g->call_fd[0] : -1, POLLIN, 0 } };

    (void)poll(fds, 2, 5);
    if (w->g)
        (void)fake_guest_called(w->g, 0);
}

static pid_t spawn(const char *const *args, bool quiet)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it may not look at itself */
        if (quiet)
            (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
        (void)execv(program, (char *const *)args);
        _exit(127);
    }
    return pid;
}

static int exit_status(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void send_message(struct world *w, struct devctl_msg msg, int fd)
{
    uint8_t bytes[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n;

    msg.id = ++w->next_id;
    n = devctl_encode(&msg, bytes);
    assert_true(sock_send_fds(w->client, bytes, n, &fd, fd >= 0, NULL));
}

/* The next message of a type; others are skipped. The guest works meanwhile. */
static struct devctl_msg receive(struct world *w, enum devctl_type type, int *out_fd)
{
    static char bytes[DEVCTL_MESSAGE_SIZE_MAX];

    for (;;) {
        struct pollfd ready = { w->client, POLLIN, 0 };
        struct devctl_msg msg;
        size_t n, n_fds = 0;
        int fd = -1;

        if (poll(&ready, 1, 0) == 0) {
            (void)fake_vsock_poll(&w->guest);
            spin(w);
            continue;
        }
        assert_true(sock_recv_fds(w->client, bytes, sizeof(bytes), &n, &fd, 1, &n_fds, NULL));
        assert_true(n > 0);
        assert_true(devctl_decode(&msg, (struct sv){ bytes, n }, NULL));
        if (msg.type == type) {
            if (out_fd)
                *out_fd = fd;
            return msg;
        }
        if (n_fds > 0)
            (void)close(fd);
    }
}

static void open_client(struct world *w)
{
    assert_true(sock_unix_connect(w->path, SOCK_SEQPACKET, &w->client, NULL));
    send_message(w, (struct devctl_msg){ .type = DEVCTL_HELLO, .version = DEVCTL_VERSION }, -1);
}

static int setup(void **state)
{
    struct world *w = mem_new(struct world);
    int vhost[2], control, pipes[2];
    char control_text[16], vhost_text[16];

    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/test-devices-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/s", w->dir);
    assert_true(sock_unix_listen(w->path, SOCK_SEQPACKET, &control, NULL));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    (void)fcntl(control, F_SETFD, 0);
    (void)fcntl(vhost[1], F_SETFD, 0);
    (void)fcntl(pipes[1], F_SETFD, 0);
    (void)snprintf(control_text, sizeof(control_text), "%d", control);
    (void)snprintf(vhost_text, sizeof(vhost_text), "%d", vhost[1]);
    w->pid = spawn((const char *const[]){ program, "--control-fd", control_text, "--vsock-fd",
                                          vhost_text, NULL },
                   false);
    (void)close(control);
    (void)close(vhost[1]);
    (void)close(pipes[1]);
    w->extra_fd = pipes[0];
    w->g = fake_guest_new(vhost[0], UINT64_MAX, spin, w);
    fake_vsock_init(&w->guest, w->g, ECHO_PORT);
    fake_guest_start(w->g, false);
    assert_true(w->g->is_up);
    open_client(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fake_vsock_done(&w->guest);
    fake_guest_free(w->g); /* QEMU ends, and with it the program */
    assert_int_equal(exit_status(w->pid), 0);
    (void)close(w->client);
    (void)close(w->extra_fd);
    (void)unlink(w->path);
    (void)rmdir(w->dir);
    free(w->path);
    free(w);
    return 0;
}

static void expect_echo(struct world *w, int fd, const char *text)
{
    char back[64] = { 0 };
    size_t n = 0;

    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    while (n < strlen(text)) {
        ssize_t got = recv(fd, back + n, sizeof(back) - 1 - n, MSG_DONTWAIT);

        assert_true(got != 0);
        n += got > 0 ? (size_t)got : 0;
        (void)fake_vsock_poll(&w->guest);
        if (got < 0)
            spin(w);
    }
    assert_string_equal(back, text);
}

static bool status_has(struct world *w, const char *line)
{
    auto_mem char *path = mem_printf("/proc/%d/status", w->pid);
    char text[8192] = { 0 };
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    return strstr(text, line) != NULL;
}

static void process_is_confined_and_says_how(void **state)
{
    struct world *w = *state;
    auto_mem char *root = mem_printf("/proc/%d/root", w->pid);
    struct devctl_msg hello = receive(w, DEVCTL_HELLO, NULL);
    uint32_t sandbox;
    char byte;
    DIR *dir;

    assert_int_equal(hello.version, DEVCTL_VERSION);
    assert_true(sv_eq_str(hello.data, CLIMA_VERSION));
    assert_true(hello.flags & DEVCTL_CAN_FORWARD);
    sandbox = hello.flags & DEVCTL_SANDBOX_MASK;
    assert_true(sandbox >= DEVCTL_SANDBOX_SECCOMP && sandbox < DEVCTL_SANDBOX_COUNT);
    assert_true(status_has(w, "\nSeccomp:\t2\n"));
    assert_true(status_has(w, "\nNoNewPrivs:\t1\n"));
    assert_true(status_has(w, "\nCapEff:\t0000000000000000\n"));
    assert_int_equal(read(w->extra_fd, &byte, 1), 0); /* closed, as everything it was not given */
    dir = opendir(root);
    if (dir && sandbox == DEVCTL_SANDBOX_NAMESPACE) {
        struct dirent *entry;

        while ((entry = readdir(dir)))
            assert_true(entry->d_name[0] == '.');
    }
    if (dir)
        (void)closedir(dir);
}

static void tcp_pair(int out[2])
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(addr);
    auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    out[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(out[0], (struct sockaddr *)&addr, len), 0);
    out[1] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(out[1] >= 0);
}

static void every_request_works_inside_the_sandbox(void **state)
{
    struct world *w = *state;
    struct fake_conn *c;
    int fd, tcp[2];

    send_message(w, (struct devctl_msg){ .type = DEVCTL_CONNECT, .port = ECHO_PORT }, -1);
    (void)receive(w, DEVCTL_STREAM, &fd);
    expect_echo(w, fd, "handed out");
    (void)close(fd);

    tcp_pair(tcp);
    send_message(w, (struct devctl_msg){ .type = DEVCTL_PUMP, .port = ECHO_PORT, .tag = 1 }, tcp[1]);
    (void)close(tcp[1]);
    assert_int_equal(receive(w, DEVCTL_RESULT, NULL).error, 0);
    expect_echo(w, tcp[0], "pumped");
    send_message(w, (struct devctl_msg){ .type = DEVCTL_STATS, .tag = 1 }, -1);
    assert_int_equal(receive(w, DEVCTL_COUNTERS, NULL).counters.bytes_to_guest, 6);

    send_message(w, (struct devctl_msg){ .type = DEVCTL_LISTEN, .port = 2222 }, -1);
    assert_int_equal(receive(w, DEVCTL_RESULT, NULL).error, 0);
    c = fake_vsock_connect(&w->guest, 2222);
    assert_int_equal(receive(w, DEVCTL_ACCEPTED, &fd).peer_port, c->guest_port);
    (void)close(fd);

    (void)close(w->client); /* the host agent is killed, and comes back */
    expect_echo(w, tcp[0], "still pumped");
    open_client(w);
    (void)receive(w, DEVCTL_HELLO, NULL);
    assert_true(receive(w, DEVCTL_GUEST, NULL).flags & DEVCTL_GUEST_UP);
    (void)close(tcp[0]);
}

static void broken_queue_is_survived(void **state)
{
    struct world *w = *state;
    int fd;

    assert_true(receive(w, DEVCTL_GUEST, NULL).flags & DEVCTL_GUEST_UP);
    fake_guest_desc(w->g, 1, 100, UINT64_MAX, 44, 0, 0);
    fake_guest_offer(w->g, 1, 100);
    assert_false(receive(w, DEVCTL_GUEST, NULL).flags & DEVCTL_GUEST_UP);
    fake_guest_stop(w->g);
    fake_guest_start(w->g, false);
    assert_true(receive(w, DEVCTL_GUEST, NULL).flags & DEVCTL_GUEST_UP);
    send_message(w, (struct devctl_msg){ .type = DEVCTL_CONNECT, .port = ECHO_PORT }, -1);
    (void)receive(w, DEVCTL_STREAM, &fd);
    expect_echo(w, fd, "works again");
    (void)close(fd);
}

static void bad_command_lines_end_with_1(void **state)
{
    assert_int_equal(exit_status(spawn((const char *const[]){ program, NULL }, true)), 1);
    assert_int_equal(exit_status(spawn((const char *const[]){ program, "--control-fd", "200",
                                                              "--vsock-fd", "201", NULL }, true)), 1);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(process_is_confined_and_says_how),
        CASE(every_request_works_inside_the_sandbox),
        CASE(broken_queue_is_survived),
        cmocka_unit_test(bad_command_lines_end_with_1),
    };

    if (argc != 2)
        return 2;
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
