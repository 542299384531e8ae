/* Forwards into the guest, with a pair of Unix sockets in place of vsock. */
#include "prog/guestagent/tunnel.h"

#include "../../temp_dir.h"
#include "relay_bench.h"
#include "sys/sock.h"

struct bench {
    struct relay_bench base;
    struct tunnel *tunnel;
};

static const struct tunnel_events events = { NULL };

static int set_up(void **state)
{
    struct bench *b = mem_new(struct bench);

    bench_open(&b->base);
    b->tunnel = tunnel_new(&b->base.pool, &events, NULL);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    tunnel_free(b->tunnel);
    bench_close(&b->base);
    free(b);
    return 0;
}

static void put_preface(struct sb *out, enum tunnel_kind kind, int family, uint16_t port,
                        unsigned flags)
{
    static const char v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };

    tunnel_preface_put(out, &(struct tunnel_preface){ .kind = kind,
                                                      .flags = (uint8_t)flags,
                                                      .port = port,
                                                      .address = family == AF_INET
                                                                     ? (struct sv){ v4, 4 }
                                                                     : (struct sv){ v6, 16 } });
}

/* A stream of the host that has sent its preface and first bytes. */
static int host_stream(struct bench *b, const struct sb *first)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(send(fds[0], sb_str(first), first->n, MSG_NOSIGNAL), first->n);
    tunnel_take(b->tunnel, fds[1]);
    return fds[0];
}

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

enum { LARGE = 3 * 1000 * 1000 + 7 };

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

/* In chunks. */

static void put_chunk(struct sb *out, struct sv bytes)
{
    uint8_t head[TUNNEL_CHUNK_HEAD_LEN];

    tunnel_chunk_head(head, bytes.n);
    sb_put_mem(out, (const char *)head, sizeof(head));
    sb_put(out, bytes);
}

static void host_says(int host, struct sv bytes)
{
    auto_sb struct sb chunk = { 0 };

    put_chunk(&chunk, bytes);
    assert_int_equal(send(host, chunk.p, chunk.n, MSG_NOSIGNAL), chunk.n);
}

/* The bytes of chunks; true when they have ended. */
static bool chunks_end(const struct sb *stream, struct sb *out)
{
    struct tunnel_chunks chunks = { 0 };
    struct sv in = sb_view(stream), piece;
    enum tunnel_piece got;

    while ((got = tunnel_chunks_take(&chunks, &in, &piece)) == TUNNEL_PIECE_BYTES)
        sb_put(out, piece);
    assert_int_equal(in.n, 0);
    return got == TUNNEL_PIECE_END;
}

static void put_chunked_preface(struct sb *out, uint16_t port)
{
    put_preface(out, TUNNEL_TCP, AF_INET, port, TUNNEL_CHUNKED);
}

/* One connection, which the host or the target ends first; question and answer pass. */
static void serve_one(struct bench *b, int host, int target, bool host_first)
{
    auto_sb struct sb at_target = { 0 }, at_host = { 0 }, answer = { 0 };
    int error = 0;

    until(&b->base, (bench_drain(target, &at_target, &error), at_target.n == 8));
    assert_string_equal(sb_str(&at_target), "question");
    assert_int_equal(send(target, "answer", 6, 0), 6);
    if (host_first) {
        host_says(host, SV(""));
        until(&b->base, bench_drain(target, &at_target, &error));
        (void)close(target);
    } else {
        assert_int_equal(shutdown(target, SHUT_WR), 0);
    }
    until(&b->base, (bench_drain(host, &at_host, &error), at_host.n == 2 + 6 + 2));
    assert_true(chunks_end(&at_host, &answer));
    assert_string_equal(sb_str(&answer), "answer");
    if (!host_first) {
        assert_int_equal(b->base.pool.n_relays, 1);
        host_says(host, SV(""));
        until(&b->base, bench_drain(target, &at_target, &error));
        (void)close(target);
    }
    until(&b->base, b->base.pool.n_relays == 0);
}

static void chunked_streams_serve_many_connections(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 };
    int host, target, error;

    put_chunked_preface(&bytes, port);
    put_chunk(&bytes, SV("question"));
    host = host_stream(b, &bytes);
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            assert_int_equal(send(host, bytes.p, bytes.n, 0), bytes.n);
        until(&b->base, bench_accept(listener, &target));
        serve_one(b, host, target, i % 2);
    }
    sb_truncate(&bytes, 0);
    (void)shutdown(host, SHUT_WR); /* it was idle for long */
    until(&b->base, bench_drain(host, &bytes, &error));
    (void)close(host);
}

static void next_preface_may_come_with_the_end(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    int host, target, error;

    put_chunked_preface(&bytes, port);
    host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &target));
    (void)close(target);
    until(&b->base, (bench_drain(host, &at_host, &error), at_host.n == 2));
    sb_truncate(&bytes, 0);
    put_chunk(&bytes, SV(""));
    put_chunked_preface(&bytes, port);
    put_chunk(&bytes, SV("question"));
    assert_int_equal(send(host, bytes.p, bytes.n, 0), bytes.n);
    until(&b->base, bench_accept(listener, &target));
    serve_one(b, host, target, true);
    (void)close(host);
}

static void much_data_leaves_the_chunks(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 }, at_target = { 0 }, at_host = { 0 }, answer = { 0 };
    uint8_t raw[TUNNEL_CHUNK_HEAD_LEN];
    size_t at = 0;
    int host, target, error = -1;

    put_chunked_preface(&bytes, port);
    put_chunk(&bytes, SV("question"));
    tunnel_chunk_raw(raw);
    sb_put_mem(&bytes, (const char *)raw, sizeof(raw));
    host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &target));
    until(&b->base, (bench_drain(target, &at_target, &error), at_target.n == 8));
    sb_truncate(&at_target, 0);
    until(&b->base, (bench_drain(target, &at_target, &error), bench_feed(host, &at, LARGE)));
    assert_int_equal(shutdown(host, SHUT_WR), 0);
    until(&b->base, bench_drain(target, &at_target, &error));
    assert_true(bench_is_pattern(&at_target, LARGE));
    at = 0;
    until(&b->base, (bench_drain(host, &at_host, &error), bench_feed(target, &at, LARGE)));
    (void)close(target);
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_false(chunks_end(&at_host, &answer)); /* it ended without them */
    assert_true(bench_is_pattern(&answer, LARGE));
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(host);
}

static void resets_end_chunked_streams(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 }, in = { 0 };
    int host, target, error = 0;

    put_chunked_preface(&bytes, port);
    for (int i = 0; i < 2; i++) {
        host = host_stream(b, &bytes);
        until(&b->base, bench_accept(listener, &target));
        if (i)
            (void)close(host);
        else
            relay_close_with_reset(target);
        until(&b->base, bench_drain(i ? target : host, &in, &error));
        assert_int_equal(error, i ? ECONNRESET : 0);
        (void)close(i ? target : host);
        until(&b->base, b->base.pool.n_relays == 0);
    }
}

static void host_that_goes_after_its_end_resets_the_target(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_sb struct sb bytes = { 0 }, in = { 0 };
    int host, target, error = -1;

    put_chunked_preface(&bytes, port);
    put_chunk(&bytes, SV(""));
    host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &target));
    until(&b->base, bench_drain(target, &in, &error));
    assert_int_equal(error, 0);
    (void)close(host);
    until(&b->base, b->base.pool.n_relays == 0);
    (void)close(target);
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
        CASE(prefaces_may_come_in_pieces_and_bad_ones_are_refused),
        CASE(unix_targets_are_reached),
        CASE(peers_that_do_not_read_cost_little),
        CASE(datagrams_pass_both_ways_with_their_bounds),
        CASE(host_that_reads_late_loses_datagrams_but_costs_nothing),
        CASE(refused_datagrams_end_the_session),
        CASE(many_short_connections_leave_nothing),
        CASE(chunked_streams_serve_many_connections),
        CASE(next_preface_may_come_with_the_end),
        CASE(much_data_leaves_the_chunks),
        CASE(resets_end_chunked_streams),
        CASE(host_that_goes_after_its_end_resets_the_target),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
