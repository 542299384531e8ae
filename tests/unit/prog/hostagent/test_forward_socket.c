#include "prog/hostagent/forward_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "prog/hostagent/port_owners.h"
#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static struct forward_end end_of(const char *ip, uint16_t port)
{
    struct forward_end end = { .port = port };

    assert_true(ip_address_parse(ip, &end.ip));
    return end;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 address;
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin6_port); /* at the same place for IPv4 */
}

static bool dials(enum forward_proto proto, const struct forward_end *end, struct err **errp)
{
    auto_fd int fd = -1;
    struct pollfd ready;

    if (!forward_socket_dial(proto, end, &fd, errp))
        return false;
    ready = (struct pollfd){ .fd = fd, .events = POLLOUT };
    assert_int_equal(poll(&ready, 1, -1), 1);
    return forward_socket_finish(fd, errp);
}

static void what_listens_can_be_dialled(void **state)
{
    static const char *const ips[] = { "127.0.0.1", "::1" };

    for (size_t i = 0; i < COUNT(ips); i++) {
        struct forward_end end = end_of(ips[i], 0);
        auto_fd int fd = -1, taken = -1;
        auto_err struct err *busy = NULL;

        assert_true(forward_socket_listen(FORWARD_TCP, &end, &fd, NULL));
        end.port = port_of(fd);
        assert_true(dials(FORWARD_TCP, &end, NULL));
        assert_false(forward_socket_listen(FORWARD_TCP, &end, &taken, &busy));
        assert_int_equal(err_kind(busy), ERR_BUSY);
    }
}

static void nobody_is_an_error(void **state)
{
    struct forward_end end = end_of("127.0.0.1", 0), far = end_of("192.0.2.1", 80);
    auto_err struct err *refused = NULL, *strange = NULL;
    auto_fd int fd = -1, far_fd = -1;

    assert_true(forward_socket_listen(FORWARD_TCP, &end, &fd, NULL));
    end.port = port_of(fd);
    (void)close(MOVE_FD(fd));
    assert_false(dials(FORWARD_TCP, &end, &refused));
    assert_int_equal(err_errno(refused), ECONNREFUSED);
    assert_false(forward_socket_listen(FORWARD_TCP, &far, &far_fd, &strange));
    assert_int_equal(err_errno(strange), EADDRNOTAVAIL);
}

static void the_wildcard_of_ipv6_is_for_both_families(void **state)
{
    static const enum forward_proto protos[] = { FORWARD_TCP, FORWARD_UDP };

    for (size_t i = 0; i < COUNT(protos); i++) {
        struct forward_end end = end_of("::", 0), v4 = end_of("127.0.0.1", 0);
        auto_fd int fd = -1, other = -1;

        assert_true(forward_socket_listen(protos[i], &end, &fd, NULL));
        v4.port = port_of(fd);
        assert_false(forward_socket_listen(protos[i], &v4, &other, NULL));
    }
}

static void directories_of_sockets_are_made(void **state)
{
    auto_mem char *path = temp_path("a/b/x.sock");
    struct forward_end end = { .path = path };
    auto_fd int fd = -1;

    assert_true(forward_socket_listen(FORWARD_UNIX, &end, &fd, NULL));
    assert_true(dials(FORWARD_UNIX, &end, NULL));
    (void)close(MOVE_FD(fd));
    assert_false(dials(FORWARD_UNIX, &end, NULL));
    assert_true(
        forward_socket_listen(FORWARD_UNIX, &end, &fd, NULL)); /* the old file is replaced */
}

static void peers_have_names(void **state)
{
    struct sockaddr_storage storage = { 0 };
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_port = htons(7),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons(8),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    auto_mem char *none = forward_socket_peer(&storage);
    auto_mem char *first = NULL, *second = NULL;

    memcpy(&storage, &v4, sizeof(v4));
    first = forward_socket_peer(&storage);
    memcpy(&storage, &v6, sizeof(v6));
    second = forward_socket_peer(&storage);
    assert_string_equal(none, "unix");
    assert_string_equal(first, "127.0.0.1:7");
    assert_string_equal(second, "[::1]:8");
}

static void the_command_for_a_privileged_port_is_named(void **state)
{
    auto_mem char *permit = forward_socket_permit(80, 1024);
    auto_mem char *none = forward_socket_permit(80, 80);

    assert_string_equal(permit, "sudo sysctl net.ipv4.ip_unprivileged_port_start=80");
    assert_null(none);
    assert_true(forward_socket_unprivileged_start() <= 65536);
}

static void addresses_collide_when_one_includes_the_other(void **state)
{
    static const struct {
        const char *proto, *host_addr, *ip;
        uint16_t port;
        bool collides;
    } cases[] = {
        { "tcp", "127.0.0.1:80", "127.0.0.1", 80, true },
        { "tcp", "127.0.0.1:80", "127.0.0.1", 81, false },
        { "udp", "127.0.0.1:80", "127.0.0.1", 80, false },
        { "tcp", "0.0.0.0:80", "127.0.0.1", 80, true },
        { "tcp", "[::]:80", "127.0.0.1", 80, true },
        { "tcp", "127.0.0.1:80", "0.0.0.0", 80, true },
        { "tcp", "[::1]:80", "127.0.0.1", 80, false },
        { "tcp", "[::1]:80", "::1", 80, true },
        { "tcp", "", "::1", 80, false },
        { "tcp", "80", "::1", 80, false },
        { "tcp", ":80", "::1", 80, false },
        { "tcp", "[]:80", "::1", 80, false },
        { "tcp", "[:80", "::1", 80, false },
        { "tcp", "::1:99999", "::1", 80, false },
        { "unix", "/a.sock", "127.0.0.1", 80, false },
    };
    struct forward_end socket = { .path = "/a.sock" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct forward_end end = end_of(cases[i].ip, cases[i].port);

        check_row(port_owners_collide(cases[i].proto, cases[i].host_addr, FORWARD_TCP, &end) ==
                      cases[i].collides,
                  cases[i].host_addr);
    }
    assert_true(port_owners_collide("unix", "/a.sock", FORWARD_UNIX, &socket));
    assert_false(port_owners_collide("unix", "/b.sock", FORWARD_UNIX, &socket));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_listens_can_be_dialled),
        cmocka_unit_test(nobody_is_an_error),
        cmocka_unit_test(the_wildcard_of_ipv6_is_for_both_families),
        cmocka_unit_test(directories_of_sockets_are_made),
        cmocka_unit_test(peers_have_names),
        cmocka_unit_test(the_command_for_a_privileged_port_is_named),
        cmocka_unit_test(addresses_collide_when_one_includes_the_other),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
