/* Forwards into the guest, with a pair of Unix sockets in place of vsock. */
#include <netinet/in.h>
/* after netinet/in.h; more of struct tcp_info than libc knows */
#include <linux/tcp.h>

#include "../../temp_dir.h"
#include "sys/sock.h"
#include "tunnel_bench.h"

/* Host and target of one connection. */
struct pair {
    int host, target;
};

static struct pair connect_pair(struct bench *b, int family, unsigned flags, struct sv first)
{
    auto_sb struct sb bytes = { 0 };
    uint16_t port;
    auto_fd int listener = bench_socket(family, SOCK_STREAM, &port);
    struct pair p;

    put_preface(&bytes, TUNNEL_TCP, family, port, flags);
    sb_put(&bytes, first);
    p.host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &p.target));
    return p;
}

static void close_pair(struct pair p)
{
    (void)close(p.host);
    (void)close(p.target);
}

static void connections_carry_bytes_both_ways_and_end(void **state)
{
    static const int families[] = { AF_INET, AF_INET6 };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT(families); i++) {
        struct pair p = connect_pair(b, families[i], 0, SV("question"));
        auto_sb struct sb at_target = { 0 }, at_host = { 0 };
        int error = 0;

        until(&b->base, (bench_drain(p.target, &at_target, &error), at_target.n == 8));
        assert_string_equal(sb_str(&at_target), "question");
        assert_int_equal(send(p.target, "answer", 6, 0), 6);
        until(&b->base, (bench_drain(p.host, &at_host, &error), at_host.n == 6));
        assert_int_equal(b->base.pool.n_relays, 1);
        assert_int_equal(shutdown(p.host, SHUT_WR), 0);
        until(&b->base, bench_drain(p.target, &at_target, &error));
        assert_int_equal(error, 0);
        assert_int_equal(shutdown(p.target, SHUT_WR), 0);
        until(&b->base, bench_drain(p.host, &at_host, &error));
        until(&b->base, b->base.pool.n_relays == 0);
        close_pair(p);
    }
}

static void host_ends_first_and_gets_the_whole_answer(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET, 0, SV("get"));
    auto_sb struct sb at_target = { 0 }, at_host = { 0 };
    bool host_done = false;
    size_t at = 0;
    int error = -1;

    assert_int_equal(shutdown(p.host, SHUT_WR), 0);
    until(&b->base, bench_drain(p.target, &at_target, &error));
    assert_string_equal(sb_str(&at_target), "get");
    until(&b->base,
          (host_done = bench_drain(p.host, &at_host, &error), bench_feed(p.target, &at, LARGE)));
    assert_false(host_done);
    (void)close(p.target);
    until(&b->base, bench_drain(p.host, &at_host, &error));
    assert_true(bench_is_pattern(&at_host, LARGE));
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(p.host);
}

static void target_ends_first_and_gets_the_whole_answer(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET6, 0, SV(""));
    auto_sb struct sb at_target = { 0 }, at_host = { 0 };
    size_t at = 0;
    int error = -1;

    assert_int_equal(shutdown(p.target, SHUT_WR), 0);
    until(&b->base, bench_drain(p.host, &at_host, &error));
    until(&b->base, (bench_drain(p.target, &at_target, &error), bench_feed(p.host, &at, LARGE)));
    assert_int_equal(shutdown(p.host, SHUT_WR), 0);
    until(&b->base, bench_drain(p.target, &at_target, &error));
    assert_true(bench_is_pattern(&at_target, LARGE));
    assert_int_equal(error, 0);
    until(&b->base, b->base.pool.n_relays == 0);
    close_pair(p);
}

static void reset_by_the_target_ends_the_stream(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET, 0, SV(""));
    auto_sb struct sb at_host = { 0 };
    int error;

    relay_close_with_reset(p.target);
    until(&b->base, bench_drain(p.host, &at_host, &error));
    assert_int_equal(b->base.pool.n_relays, 0);
    (void)close(p.host);
}

static void close_by_the_host_resets_the_target(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET, 0, SV(""));
    auto_sb struct sb at_target = { 0 };
    int error = 0;

    (void)close(p.host);
    until(&b->base, bench_drain(p.target, &at_target, &error));
    assert_int_equal(error, ECONNRESET);
    (void)close(p.target);
}

static void reset_after_half_close_is_noticed(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET, 0, SV(""));
    auto_sb struct sb at_target = { 0 };
    int error = -1;

    assert_int_equal(shutdown(p.host, SHUT_WR), 0);
    until(&b->base, bench_drain(p.target, &at_target, &error));
    assert_int_equal(error, 0);
    (void)close(p.host);
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(p.target);
}

static void close_by_a_unix_client_is_an_end(void **state)
{
    struct bench *b = *state;
    struct pair p = connect_pair(b, AF_INET, TUNNEL_FROM_UNIX, SV("last words"));
    auto_sb struct sb at_target = { 0 };
    int error = -1;

    (void)close(p.host);
    until(&b->base, bench_drain(p.target, &at_target, &error));
    assert_int_equal(error, 0);
    assert_string_equal(sb_str(&at_target), "last words");
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(p.target);
}

static void refused_targets_end_the_stream(void **state)
{
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    uint16_t port;
    int listener = bench_socket(AF_INET, SOCK_STREAM, &port), host, error;

    (void)close(listener);
    put_preface(&bytes, TUNNEL_TCP, AF_INET, port, 0);
    host = host_stream(b, &bytes);
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_int_equal(at_host.n, 0);
    (void)close(host);
}

static void early_bytes_go_to_the_address_that_answers(void **state)
{
    static const char any[16] = { 0 };
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, at_target = { 0 };
    int target, host, error = 0;
    struct tunnel_preface preface = { .kind = TUNNEL_TCP, .address = { any, sizeof(any) } };
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &preface.port);

    tunnel_preface_put(&bytes, &preface); /* ::1, where nobody is, has its turn first */
    sb_puts(&bytes, "question");
    host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &target));
    assert_int_equal(send(host, ", more", 6, 0), 6);
    assert_int_equal(shutdown(host, SHUT_WR), 0);
    until(&b->base, bench_drain(target, &at_target, &error));
    assert_string_equal(sb_str(&at_target), "question, more");
    close_pair((struct pair){ host, target });
}

/* TCP_NODELAY of our end of the connection to target. */
static int is_prompt(int target)
{
    struct sockaddr_in wanted, found;
    socklen_t len = sizeof(wanted);
    int on = -1;

    assert_int_equal(getsockname(target, (struct sockaddr *)&wanted, &len), 0);
    for (int fd = 0; fd < 1024 && on < 0; fd++) {
        len = sizeof(found);
        if (getpeername(fd, (struct sockaddr *)&found, &len) < 0 || found.sin_family != AF_INET ||
            found.sin_port != wanted.sin_port)
            continue;
        len = sizeof(on);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    }
    return on;
}

static struct tcp_info info_of(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info;
}

/* They take no packet of their own, and the server is woken when there is something to read. */
static void first_bytes_end_the_handshake(void **state)
{
    struct pair question = connect_pair(*state, AF_INET, 0, SV("question"));
    struct pair silence = connect_pair(*state, AF_INET, 0, SV(""));

    assert_int_equal(info_of(question.target).tcpi_bytes_received, 8);
    assert_int_equal(info_of(question.target).tcpi_segs_in, info_of(silence.target).tcpi_segs_in);
    close_pair(question);
    close_pair(silence);
}

static void small_writes_do_not_wait_from_the_second_on(void **state)
{
    struct bench *b = *state;
    struct pair early = connect_pair(b, AF_INET, 0, SV("question"));
    struct pair late = connect_pair(b, AF_INET, 0, SV(""));
    auto_sb struct sb at_target = { 0 };
    int error = 0;

    assert_int_equal(is_prompt(early.target), 0);
    until(&b->base, is_prompt(late.target) == 1);
    assert_int_equal(send(early.host, ", more", 6, 0), 6);
    until(&b->base, (bench_drain(early.target, &at_target, &error), at_target.n == 14));
    assert_int_equal(is_prompt(early.target), 1);
    close_pair(early);
    close_pair(late);
}

static void prefaces_may_come_in_pieces_and_bad_ones_are_refused(void **state)
{
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, empty = { 0 }, in = { 0 };
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    int host, target, error;

    sb_puts(&empty, "");
    put_preface(&bytes, TUNNEL_TCP, AF_INET, port, 0);
    host = host_stream(b, &empty);
    for (size_t i = 0; i < bytes.n; i++) {
        assert_int_equal(send(host, bytes.p + i, 1, 0), 1);
        assert_true(evloop_step(b->base.loop, 0, NULL));
    }
    until(&b->base, bench_accept(listener, &target));
    close_pair((struct pair){ host, target });

    sb_truncate(&bytes, 0);
    sb_put(&bytes, SV("\xff\xffGET / HTTP/1.0"));
    host = host_stream(b, &bytes);
    until(&b->base, bench_drain(host, &in, &error));
    (void)close(host);
}

static void unix_targets_are_reached(void **state)
{
    struct bench *b = *state;
    auto_mem char *path = temp_path("target.sock");
    auto_sb struct sb bytes = { 0 }, at_target = { 0 }, at_host = { 0 };
    int listener, host, target, error;

    assert_true(sock_unix_listen(path, SOCK_STREAM, &listener, NULL));
    tunnel_preface_put(&bytes,
                       &(struct tunnel_preface){ .kind = TUNNEL_UNIX, .path = sv_of(path) });
    sb_puts(&bytes, "hello");
    host = host_stream(b, &bytes);
    until(&b->base, evloop_step(b->base.loop, 0, NULL) && b->base.pool.n_relays == 1);
    assert_true(bench_accept(listener, &target));
    until(&b->base, (bench_drain(target, &at_target, &error), at_target.n == 5));
    assert_int_equal(send(target, "bye", 3, 0), 3);
    (void)close(target); /* both ways at once: the host must still get all */
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_string_equal(sb_str(&at_host), "bye");
    (void)close(host);
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(listener);
}

static void peers_that_do_not_read_cost_little(void **state)
{
    struct bench *b = *state;
    struct pair pairs[20];
    auto_sb struct sb in = { 0 };
    int error;

    for (size_t i = 0; i < COUNT(pairs); i++) {
        size_t at = 0;

        pairs[i] = connect_pair(b, AF_INET, 0, SV(""));
        for (int round = 0; round < 200; round++) {
            (void)bench_feed(pairs[i].host, &at, 64u * 1024 * 1024);
            assert_true(evloop_step(b->base.loop, 0, NULL));
        }
    }
    assert_true(b->base.pool.n_kept <= COUNT(pairs) * RELAY_CHUNK_MAX);
    assert_true(b->base.pool.n_kept > 0);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        until(&b->base, (bench_drain(pairs[i].target, &in, &error), in.n > 1000000));
        sb_truncate(&in, 0);
        close_pair(pairs[i]);
    }
    until(&b->base, b->base.pool.n_relays == 0);
    assert_int_equal(b->base.pool.n_kept, 0);
}

static void datagrams_pass_both_ways_with_their_bounds(void **state)
{
    static const struct sv sent[] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    uint16_t port;
    auto_fd int target = bench_socket(AF_INET, SOCK_DGRAM, &port);
    char got[100];
    int host, error;
    struct sv rest, datagram;

    put_preface(&bytes, TUNNEL_UDP, AF_INET, port, 0);
    for (size_t i = 0; i < COUNT(sent); i++)
        tunnel_datagram_put(&bytes, sent[i]);
    host = host_stream(b, &bytes);
    for (size_t i = 0; i < COUNT(sent); i++) {
        ssize_t n = -1;

        until(&b->base, (n = recvfrom(target, got, sizeof(got), MSG_DONTWAIT,
                                      (struct sockaddr *)&from, &from_len)) >= 0);
        assert_true(sv_eq((struct sv){ got, (size_t)n }, sent[i]));
    }
    for (size_t i = 0; i < COUNT(sent); i++)
        assert_int_equal(
            sendto(target, sent[i].p, sent[i].n, 0, (struct sockaddr *)&from, from_len), sent[i].n);
    until(&b->base, (bench_drain(host, &at_host, &error), at_host.n >= 8 + 3 * 2));
    rest = sb_view(&at_host);
    for (size_t i = 0; i < COUNT(sent); i++)
        assert_true(tunnel_datagram_take(&rest, &datagram) && sv_eq(datagram, sent[i]));
    (void)close(host);
    /* the session has gone when its port is free: a new datagram is refused */
    until(&b->base, (sendto(target, "x", 1, 0, (struct sockaddr *)&from, from_len),
                     recv(target, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == EAGAIN));
}

static void host_that_reads_late_loses_datagrams_but_costs_nothing(void **state)
{
    static const char large[30000];
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    uint16_t port;
    auto_fd int target = bench_socket(AF_INET, SOCK_DGRAM, &port);
    char got[10];
    int host, error;
    size_t n_datagrams = 0;
    struct sv rest, datagram;

    put_preface(&bytes, TUNNEL_UDP, AF_INET, port, 0);
    tunnel_datagram_put(&bytes, SV("go"));
    host = host_stream(b, &bytes);
    until(&b->base, recvfrom(target, got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from,
                             &from_len) == 2);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            sendto(target, large, sizeof(large), 0, (struct sockaddr *)&from, from_len),
            sizeof(large));
        assert_true(evloop_step(b->base.loop, 0, NULL));
    }
    for (int i = 0; i < 100; i++) {
        (void)bench_drain(host, &at_host, &error);
        assert_true(evloop_step(b->base.loop, 0, NULL));
    }
    assert_false(evloop_is_busy(b->base.loop)); /* nothing is asked for any more */
    rest = sb_view(&at_host);
    while (tunnel_datagram_take(&rest, &datagram)) {
        assert_int_equal(datagram.n, sizeof(large));
        n_datagrams++;
    }
    assert_int_equal(rest.n, 0);
    assert_true(n_datagrams > 5 && n_datagrams < 100);
    (void)close(host);
}

static void refused_datagrams_end_the_session(void **state)
{
    struct bench *b = *state;
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    uint16_t port;
    int target = bench_socket(AF_INET, SOCK_DGRAM, &port), host, error;

    (void)close(target);
    put_preface(&bytes, TUNNEL_UDP, AF_INET, port, 0);
    tunnel_datagram_put(&bytes, SV("anybody?"));
    host = host_stream(b, &bytes);
    until(&b->base, bench_drain(host, &at_host, &error));
    (void)close(host);
}

static void many_short_connections_leave_nothing(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 };
    int first_free = dup(0);

    (void)close(first_free);
    put_preface(&bytes, TUNNEL_TCP, AF_INET, port, 0);
    for (int i = 0; i < 500; i++) {
        int host = host_stream(b, &bytes), target, error;
        auto_sb struct sb in = { 0 };

        until(&b->base, bench_accept(listener, &target));
        (void)close(i % 2 ? host : target);
        until(&b->base, bench_drain(i % 2 ? target : host, &in, &error));
        (void)close(i % 2 ? target : host);
    }
    until(&b->base, b->base.pool.n_relays == 0);

    int now_free = dup(0);

    assert_int_equal(now_free, first_free);
    (void)close(now_free);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(connections_carry_bytes_both_ways_and_end),
        CASE(host_ends_first_and_gets_the_whole_answer),
        CASE(target_ends_first_and_gets_the_whole_answer),
        CASE(reset_by_the_target_ends_the_stream),
        CASE(close_by_the_host_resets_the_target),
        CASE(reset_after_half_close_is_noticed),
        CASE(close_by_a_unix_client_is_an_end),
        CASE(refused_targets_end_the_stream),
        CASE(early_bytes_go_to_the_address_that_answers),
        CASE(first_bytes_end_the_handshake),
        CASE(small_writes_do_not_wait_from_the_second_on),
        CASE(prefaces_may_come_in_pieces_and_bad_ones_are_refused),
        CASE(unix_targets_are_reached),
        CASE(peers_that_do_not_read_cost_little),
        CASE(datagrams_pass_both_ways_with_their_bounds),
        CASE(host_that_reads_late_loses_datagrams_but_costs_nothing),
        CASE(refused_datagrams_end_the_session),
        CASE(many_short_connections_leave_nothing),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
