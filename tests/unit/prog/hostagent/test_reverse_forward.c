/* Reverse forwards: the guest agent and `devices` are played by the test. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "forwards_fixture.h"

/* Tells the host agent that somebody in the guest connected to the vsock port. */
static void hold(struct fixture *f, uint32_t port, uint32_t stream)
{
    fake_send(
        &f->devices,
        &(struct devctl_msg){ .type = DEVCTL_HELD, .stream = stream, .port = port, .peer_port = 1 },
        -1);
}

static void answer(struct fixture *f, const char *why)
{
    const struct guest_msg *listen = fake_agent_heard(&f->devices, GUEST_LISTEN);

    fake_agent_say(&f->devices, &(struct guest_msg){ .type = GUEST_LISTEN_RESULT,
                                                     .id = listen->id,
                                                     .port = listen->port,
                                                     .text = sv_of(why) });
}

/* A fixture with one reverse rule for port 7000 of the guest. */
static void open_rule(struct fixture *f, const char *rule)
{
    auto_mem char *yaml = mem_printf("portForwards: [{reverse: true, %s}]\n", rule);

    fixture_open(f, yaml);
    run_until(fake_agent_heard(&f->devices, GUEST_LISTEN) && f->devices.listens.n == 2);
}

static void a_connection_is_dialled_and_handed_over(void **state)
{
    struct fixture f;
    uint16_t port;
    int listen_fd, fd;
    auto_mem char *rule = NULL;
    const struct guest_msg *listen;

    assert_true(sock_tcp_listen("127.0.0.1", 0, &listen_fd, &port, NULL));
    rule = mem_printf("guestPort: 7000, hostPort: %u, proto: tcp", port);
    open_rule(&f, rule);
    listen = fake_agent_heard(&f.devices, GUEST_LISTEN);
    assert_int_equal(listen->proto, GUEST_TCP);
    assert_int_equal(listen->port, 7000);
    assert_int_equal(listen->flags, 0);
    assert_int_equal(listen->vsock_port, f.devices.listens.v[1]);
    answer(&f, NULL);
    run_until(has_told(&f, "\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:7000\""));
    hold(&f, listen->vsock_port, 42);
    run_until(f.devices.accepted.n == 1);
    assert_true(sock_accept(listen_fd, &fd, NULL));
    assert_int_equal(send(fd, "x", 1, 0), 1); /* it is this very connection */
    run_until(is_readable(f.devices.accepted.v[0]));
    (void)close(fd);
    (void)close(listen_fd);
    fixture_close(&f);
}

static void a_refused_connection_is_refused_in_the_guest(void **state)
{
    struct fixture f;
    auto_mem char *rule = mem_printf("guestPort: 7000, hostPort: %u, proto: tcp", free_port());

    open_rule(&f, rule);
    answer(&f, NULL);
    hold(&f, f.devices.listens.v[1], 43);
    run_until(f.devices.rejected.n == 1);
    assert_int_equal(f.devices.rejected.v[0], 43);
    assert_int_equal(f.devices.accepted.n, 0);
    fixture_close(&f);
}

static void a_refusal_of_the_guest_is_told(void **state)
{
    auto_strv struct strv errors = { 0 };
    struct fixture f;

    open_rule(&f, "guestPort: 7000, proto: tcp");
    answer(&f, "address \x1b in use");
    run_until(has_told(&f, "\"failed\""));
    forwards_errors(f.forwards, &errors);
    assert_int_equal(errors.n, 1);
    assert_null(strchr(errors.v[0], '\x1b'));
    fixture_close(&f);
}

static void sockets_listen_and_dial(void **state)
{
    auto_mem char *path = temp_path("rev.sock");
    auto_mem char *rule = mem_printf("guestSocket: /run/g.sock, hostSocket: %s", path);
    struct fixture f;
    int listen_fd;
    const struct guest_msg *listen;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listen_fd, NULL));
    open_rule(&f, rule);
    listen = fake_agent_heard(&f.devices, GUEST_LISTEN);
    assert_int_equal(listen->proto, GUEST_UNIX);
    assert_int_equal(listen->flags, GUEST_LISTEN_HOST_UNIX);
    assert_int_equal(listen->mode, 0600);
    assert_string_equal(f.devices.said_path, "/run/g.sock");
    answer(&f, NULL);
    hold(&f, listen->vsock_port, 1);
    run_until(f.devices.accepted.n == 1);
    (void)close(listen_fd);
    fixture_close(&f);
    assert_true(file_remove(path, NULL));
}

static void datagrams_go_both_ways(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    auto_sb struct sb out = { 0 };
    auto_mem char *rule = NULL;
    char bytes[64];
    struct fixture f;
    struct sv rest, got;
    int target = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fds[2];
    ssize_t n;

    assert_int_equal(bind(target, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(target, (struct sockaddr *)&address, &size), 0);
    rule = mem_printf("guestPort: 7000, hostPort: %u, proto: udp", ntohs(address.sin_port));
    open_rule(&f, rule);
    answer(&f, NULL);
    assert_true(sock_pair(SOCK_STREAM, fds, NULL));
    fake_send(&f.devices,
              &(struct devctl_msg){
                  .type = DEVCTL_ACCEPTED, .peer_port = 1, .port = f.devices.listens.v[1] },
              fds[0]);
    (void)close(fds[0]);
    tunnel_datagram_put(&out, SV("question"));
    assert_int_equal(send(fds[1], out.p, out.n, 0), (ssize_t)out.n);
    run_until(is_readable(target));
    size = sizeof(address);
    assert_int_equal(recvfrom(target, bytes, sizeof(bytes), 0, (struct sockaddr *)&address, &size),
                     8);
    assert_int_equal(sendto(target, "answer", 6, 0, (struct sockaddr *)&address, size), 6);
    run_until(is_readable(fds[1]));
    n = recv(fds[1], bytes, sizeof(bytes), 0);
    rest = (struct sv){ bytes, (size_t)n };
    assert_true(tunnel_datagram_take(&rest, &got) && sv_eq_str(got, "answer"));

    (void)close(target); /* nobody is there any more: the session ends */
    assert_int_equal(send(fds[1], out.p, out.n, 0), (ssize_t)out.n);
    run_until(is_readable(fds[1]));
    assert_int_equal(recv(fds[1], bytes, sizeof(bytes), 0), 0);
    (void)close(fds[1]);
    fixture_close(&f);
}

static void a_new_agent_is_asked_again(void **state)
{
    struct fixture f;

    open_rule(&f, "guestPort: 7000, proto: tcp");
    answer(&f, NULL);
    run_until(has_told(&f, "\"forwarding\""));
    fake_agent_forget(&f.devices);
    fake_agent_connect(&f.devices);
    run_until(fake_agent_heard(&f.devices, GUEST_LISTEN));
    assert_int_equal(f.devices.listens.n, 2);
    fixture_close(&f);
}

static void its_own_port_is_not_forwarded_back(void **state)
{
    uint16_t port = free_port();
    auto_mem char *rule = mem_printf("guestPort: %u, hostPort: 9, proto: tcp", port);
    struct fixture f;

    open_rule(&f, rule);
    fake_agent_port(&f.devices, GUEST_TCP, "127.0.0.1", port, 0);
    settle(&f);
    assert_false(is_open(port));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(a_connection_is_dialled_and_handed_over),
        loop_test(a_refused_connection_is_refused_in_the_guest),
        loop_test(a_refusal_of_the_guest_is_told),
        loop_test(sockets_listen_and_dial),
        loop_test(datagrams_go_both_ways),
        loop_test(a_new_agent_is_asked_again),
        loop_test(its_own_port_is_not_forwarded_back),
    };

    log_setup(LOG_PANIC, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
