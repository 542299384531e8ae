#include "sys/sock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static void unix_sockets_connect_and_are_private(void **state)
{
    auto_mem char *path = temp_path("s");
    auto_fd int listener = -1;
    auto_fd int client = -1;
    auto_fd int server = -1;
    struct stat st;
    uid_t uid;
    pid_t pid;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listener, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(sock_unix_connect(path, SOCK_STREAM, &client, NULL));
    assert_true(sock_accept(listener, &server, NULL));
    assert_int_equal(write(client, "x", 1), 1);
    assert_true(sock_peer(server, &uid, &pid, NULL));
    assert_int_equal(uid, getuid());
    assert_int_equal(pid, getpid());
}

static void a_socket_in_use_is_busy_and_a_dead_one_is_replaced(void **state)
{
    auto_mem char *path = temp_path("busy");
    auto_err struct err *err = NULL, *refused = NULL;
    int first = -1, second = -1;

    assert_true(sock_unix_listen(path, SOCK_SEQPACKET, &first, NULL));
    assert_false(sock_unix_listen(path, SOCK_SEQPACKET, &second, &err));
    assert_int_equal(err_kind(err), ERR_BUSY);
    assert_int_equal(close(first), 0);
    assert_false(sock_unix_connect(path, SOCK_SEQPACKET, &second, &refused));
    assert_int_equal(err_kind(refused), ERR_NOT_FOUND);
    assert_true(sock_unix_listen(path, SOCK_SEQPACKET, &second, NULL));
    assert_int_equal(close(second), 0);
}

static void a_file_in_the_way_is_kept(void **state)
{
    auto_mem char *path = temp_path("file");
    auto_err struct err *err = NULL;
    int fd = -1;

    assert_true(file_write_atomic(path, SV("x"), 0600, NULL));
    assert_false(sock_unix_listen(path, SOCK_STREAM, &fd, &err));
    assert_int_equal(err_kind(err), ERR_EXISTS);
    assert_true(file_exists(path));
}

static void a_long_path_names_its_limit(void **state)
{
    char path[200];
    auto_err struct err *err = NULL;
    int fd = -1;

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_false(sock_unix_listen(path, SOCK_STREAM, &fd, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_non_null(strstr(err_text(err), "107"));
}

static void descriptors_travel_with_a_message(void **state)
{
    int pair[2], fds[2] = { -1, -1 }, null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char buf[8];
    size_t n, n_fds;

    assert_true(sock_pair(SOCK_SEQPACKET, pair, NULL));
    assert_true(sock_send_fds(pair[0], "hi", 2, &null_fd, 1, NULL));
    assert_true(sock_recv_fds(pair[1], buf, sizeof(buf), &n, fds, 2, &n_fds, NULL));
    assert_int_equal(n, 2);
    assert_int_equal(n_fds, 1);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(close(pair[0]), 0);
    assert_true(sock_recv_fds(pair[1], buf, sizeof(buf), &n, fds, 2, &n_fds, NULL));
    assert_int_equal(n, 0);
    assert_int_equal(close(pair[1]), 0);
    assert_int_equal(close(null_fd), 0);
}

static void too_much_in_a_message_is_refused_without_a_leak(void **state)
{
    int pair[2], fds[1] = { -1 }, null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int two[2] = { null_fd, null_fd };
    int lowest_before = dup(null_fd), lowest_after;
    auto_err struct err *many = NULL, *large = NULL;
    char buf[2];
    size_t n, n_fds;

    assert_true(sock_pair(SOCK_SEQPACKET, pair, NULL));
    assert_int_equal(close(lowest_before), 0);
    assert_true(sock_send_fds(pair[0], "x", 1, two, 2, NULL));
    assert_false(sock_recv_fds(pair[1], buf, sizeof(buf), &n, fds, 1, &n_fds, &many));
    assert_int_equal(err_kind(many), ERR_PROTOCOL);
    assert_true(sock_send_fds(pair[0], "long", 4, &null_fd, 1, NULL));
    assert_false(sock_recv_fds(pair[1], buf, sizeof(buf), &n, fds, 1, &n_fds, &large));
    assert_int_equal(err_kind(large), ERR_PROTOCOL);
    lowest_after = dup(null_fd);
    assert_int_equal(lowest_after, lowest_before);
    assert_int_equal(close(lowest_after), 0);
    assert_int_equal(close(pair[0]), 0);
    assert_int_equal(close(pair[1]), 0);
    assert_int_equal(close(null_fd), 0);
}

static void tcp_ports_are_found_taken_and_reached(void **state)
{
    static const char *const addresses[] = { "127.0.0.1", "::1" };

    for (size_t i = 0; i < COUNT(addresses); i++) {
        auto_err struct err *err = NULL;
        auto_fd int listener = -1;
        auto_fd int client = -1;
        uint16_t port = 0;
        int fd = -1;

        if (!sock_tcp_listen(addresses[i], 0, &listener, &port, NULL))
            continue; /* a host without IPv6 */
        assert_true(port > 0);
        assert_false(sock_tcp_is_free(addresses[i], port));
        assert_false(sock_tcp_listen(addresses[i], port, &fd, NULL, &err));
        assert_int_equal(err_kind(err), ERR_BUSY);
        assert_true(sock_tcp_connect(addresses[i], port, 10000, &client, NULL));
    }
}

static void a_free_port_can_be_bound(void **state)
{
    auto_err struct err *err = NULL;
    auto_fd int fd = -1;
    uint16_t port;

    assert_true(sock_tcp_free_port(&port, NULL));
    assert_false(sock_tcp_connect("127.0.0.1", port, 10000, &fd, &err));
    assert_true(sock_tcp_listen("127.0.0.1", port, &fd, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_sockets_connect_and_are_private),
        cmocka_unit_test(a_socket_in_use_is_busy_and_a_dead_one_is_replaced),
        cmocka_unit_test(a_file_in_the_way_is_kept),
        cmocka_unit_test(a_long_path_names_its_limit),
        cmocka_unit_test(descriptors_travel_with_a_message),
        cmocka_unit_test(too_much_in_a_message_is_refused_without_a_leak),
        cmocka_unit_test(tcp_ports_are_found_taken_and_reached),
        cmocka_unit_test(a_free_port_can_be_bound),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
