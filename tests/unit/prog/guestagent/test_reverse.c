/* Reverse forwards, with a Unix socket in place of the host's vsock ports. */
#include "prog/guestagent/reverse.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../../temp_dir.h"
#include "relay_bench.h"
#include "sys/sock.h"
#include "wire/tunnel.h"

enum { HOST_PORT = 6000, REFUSED_PORT = 6001 };

struct bench {
    struct relay_bench base;
    struct reverse *reverse;
    int host_listener;
    unsigned n_taken, n_given;
};

static bool dial_host(uint32_t port, int *out_fd, struct err **errp)
{
    auto_mem char *path = temp_path("host.sock");

    if (port == REFUSED_PORT)
        return err_set(errp, ERR_NOT_FOUND, "nobody is there");
    return sock_unix_connect(path, SOCK_STREAM, out_fd, errp) &&
           fcntl(*out_fd, F_SETFL, O_NONBLOCK) == 0;
}

static bool take_address(void *arg, struct sv address, struct err **errp)
{
    ((struct bench *)arg)->n_taken++;
    return address.n == 4;
}

static void give_address(void *arg, struct sv address)
{
    ((struct bench *)arg)->n_given++;
}

static int set_up(void **state)
{
    static const struct reverse_events events = { dial_host, take_address, give_address };
    struct bench *b = mem_new(struct bench);
    auto_mem char *path = temp_path("host.sock");

    bench_open(&b->base);
    assert_true(sock_unix_listen(path, SOCK_STREAM, &b->host_listener, NULL));
    assert_int_equal(fcntl(b->host_listener, F_SETFL, O_NONBLOCK), 0);
    b->reverse = reverse_new(&b->base.pool, &events, b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    reverse_free(b->reverse);
    bench_close(&b->base);
    (void)close(b->host_listener);
    free(b);
    return 0;
}

static struct guest_msg listen_message(enum guest_proto proto)
{
    return (struct guest_msg){ .type = GUEST_LISTEN,
                               .id = 1,
                               .proto = proto,
                               .vsock_port = HOST_PORT,
                               .address = { "\x7f\0\0\1", 4 } };
}

static int guest_socket(int type, uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void tcp_connections_reach_the_host(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_TCP);
    auto_sb struct sb at_host = { 0 }, at_guest = { 0 };
    int guest, host, error = -1;
    uint16_t port;

    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));
    assert_true(port != 0);
    guest = guest_socket(SOCK_STREAM, port);
    assert_int_equal(send(guest, "hello", 5, 0), 5);
    until(&b->base, b->base.pool.n_relays == 1);
    assert_true(bench_accept(b->host_listener, &host));
    until(&b->base, (bench_drain(host, &at_host, &error), at_host.n == 5));
    assert_int_equal(shutdown(guest, SHUT_WR), 0);
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_int_equal(send(host, "answer", 6, 0), 6);
    assert_int_equal(shutdown(host, SHUT_WR), 0);
    until(&b->base, bench_drain(guest, &at_guest, &error));
    assert_string_equal(sb_str(&at_guest), "answer");
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(host);
    (void)close(guest);

    reverse_unlisten(b->reverse, 1);
    guest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    assert_int_equal(connect(guest, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    (void)close(guest);
}

static void refusal_by_the_host_resets(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_TCP);
    auto_sb struct sb in = { 0 };
    uint16_t port;
    int guest, error = 0;

    msg.vsock_port = REFUSED_PORT;
    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));
    guest = guest_socket(SOCK_STREAM, port);
    until(&b->base, bench_drain(guest, &in, &error));
    assert_int_equal(error, ECONNRESET);
    (void)close(guest);
}

static void unix_sockets_have_their_mode_and_go_with_the_listener(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_UNIX);
    auto_mem char *path = temp_path("run/guest.sock");
    auto_sb struct sb at_host = { 0 };
    int guest, host, error;
    struct stat st;
    uint16_t port;

    msg.path = sv_of(path);
    msg.mode = 0660;
    msg.uid = getuid();
    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_true(sock_unix_connect(path, SOCK_STREAM, &guest, NULL));
    assert_int_equal(send(guest, "x", 1, 0), 1);
    until(&b->base, b->base.pool.n_relays == 1);
    assert_true(bench_accept(b->host_listener, &host));
    (void)close(guest);
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_string_equal(sb_str(&at_host), "x");
    (void)close(host);
    reverse_clear(b->reverse);
    assert_int_equal(stat(path, &st), -1);
}

static void datagrams_reach_the_host_and_answers_their_sender(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_UDP);
    int guests[2], hosts[2], error;
    uint16_t port;
    char got[10];

    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));
    for (size_t i = 0; i < COUNT(guests); i++) {
        auto_sb struct sb in = { 0 };
        struct sv rest, datagram;

        guests[i] = guest_socket(SOCK_DGRAM, port);
        assert_int_equal(send(guests[i], "a", 1, 0), 1);
        assert_int_equal(send(guests[i], "", 0, 0), 0);
        until(&b->base, bench_accept(b->host_listener, &hosts[i]));
        until(&b->base, (bench_drain(hosts[i], &in, &error), in.n == 5));
        rest = sb_view(&in);
        assert_true(tunnel_datagram_take(&rest, &datagram) && sv_eq_str(datagram, "a"));
        assert_true(tunnel_datagram_take(&rest, &datagram) && datagram.n == 0);
    }
    for (size_t i = 0; i < COUNT(guests); i++) {
        const char answer[3] = { 0, 1, (char)('0' + i) };

        assert_int_equal(send(hosts[i], answer, sizeof(answer), 0), sizeof(answer));
        until(&b->base, recv(guests[i], got, sizeof(got), MSG_DONTWAIT) == 1);
        assert_int_equal(got[0], '0' + (int)i);
        (void)close(hosts[i]);
        (void)close(guests[i]);
    }
}

static void dns_sessions_end_with_the_last_answer(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_UDP);
    auto_sb struct sb in = { 0 };
    int guest, host, error;
    uint16_t port;
    char got[10];

    msg.flags = GUEST_LISTEN_DNS | GUEST_LISTEN_ADDRESS;
    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));
    assert_int_equal(b->n_taken, 1);
    guest = guest_socket(SOCK_DGRAM, port);
    assert_int_equal(send(guest, "qa", 2, 0), 2);
    assert_int_equal(send(guest, "qb", 2, 0), 2);
    until(&b->base, bench_accept(b->host_listener, &host));
    until(&b->base, (bench_drain(host, &in, &error), in.n == 8));
    assert_int_equal(send(host, "\0\1x", 3, 0), 3);
    until(&b->base, recv(guest, got, sizeof(got), MSG_DONTWAIT) == 1);
    assert_false(bench_drain(host, &in, &error)); /* one answer is still to come */
    assert_int_equal(send(host, "\0\1y", 3, 0), 3);
    until(&b->base, bench_drain(host, &in, &error));
    (void)close(host);
    (void)close(guest);
    reverse_clear(b->reverse);
    assert_int_equal(b->n_given, 1);
}

static void taken_ports_are_an_error_and_ids_are_replaced(void **state)
{
    struct bench *b = *state;
    struct guest_msg msg = listen_message(GUEST_TCP), other;
    auto_err struct err *err = NULL;
    uint16_t port, again;

    assert_true(reverse_listen(b->reverse, &msg, &port, NULL));

    struct guest_port own = {
        .proto = GUEST_TCP, .port = port, .n_address = 4, .address = { 127, 0, 0, 1 }
    };

    assert_true(reverse_owns(b->reverse, &own));
    own.address[3] = 2;
    assert_false(reverse_owns(b->reverse, &own));
    other = msg;
    other.id = 2;
    other.port = port;
    assert_false(reverse_listen(b->reverse, &other, &again, &err));
    assert_int_equal(err_errno(err), EADDRINUSE);
    msg.port = port; /* the same id gives it up first */
    assert_true(reverse_listen(b->reverse, &msg, &again, NULL));
    assert_int_equal(again, port);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(tcp_connections_reach_the_host),
        CASE(refusal_by_the_host_resets),
        CASE(unix_sockets_have_their_mode_and_go_with_the_listener),
        CASE(datagrams_reach_the_host_and_answers_their_sender),
        CASE(dns_sessions_end_with_the_last_answer),
        CASE(taken_ports_are_an_error_and_ids_are_replaced),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
