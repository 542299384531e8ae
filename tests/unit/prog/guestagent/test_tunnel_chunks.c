/* Forwards in chunks: streams that serve one connection after the other. */
#include "tunnel_bench.h"

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
    put_chunk(&bytes, SV("quest")); /* goes out with the connection; the rest follows it */
    put_chunk(&bytes, SV("ion"));
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

/* A connection whose target has ended its direction, and then takes no more. */
static int host_of_a_vanished_target(struct bench *b, int listener, uint16_t port)
{
    auto_sb struct sb bytes = { 0 }, at_host = { 0 };
    int host, target, error;

    put_chunked_preface(&bytes, port);
    host = host_stream(b, &bytes);
    until(&b->base, bench_accept(listener, &target));
    assert_int_equal(shutdown(target, SHUT_WR), 0);
    until(&b->base, (bench_drain(host, &at_host, &error), at_host.n == 2));
    host_says(host, SV("too late"));
    until(&b->base, recv(target, &error, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    (void)close(target); /* what is unread makes that a reset */
    while (evloop_is_busy(b->base.loop))
        assert_true(evloop_step(b->base.loop, 0, NULL));
    assert_true(evloop_step(b->base.loop, 0, NULL));
    return host;
}

/* The host may have ended the connection, and begun another, before it hears of anything else. */
static void target_that_vanishes_after_its_end_leaves_the_stream(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    int host = host_of_a_vanished_target(b, listener, port), target;
    auto_sb struct sb bytes = { 0 };

    put_chunk(&bytes, SV("even later"));
    put_chunk(&bytes, SV(""));
    put_chunked_preface(&bytes, port);
    put_chunk(&bytes, SV("question"));
    assert_int_equal(send(host, bytes.p, bytes.n, MSG_NOSIGNAL), bytes.n);
    until(&b->base, bench_accept(listener, &target));
    serve_one(b, host, target, true);
    (void)close(host);
}

static void host_that_does_not_end_then_is_told(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    int host = host_of_a_vanished_target(b, listener, port), error = -1;
    auto_sb struct sb at_host = { 0 };

    assert_int_equal(b->base.pool.n_relays, 1);
    until(&b->base, bench_drain(host, &at_host, &error));
    assert_int_equal(b->base.pool.n_relays, 0);
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
        CASE(chunked_streams_serve_many_connections),
        CASE(next_preface_may_come_with_the_end),
        CASE(target_that_vanishes_after_its_end_leaves_the_stream),
        CASE(host_that_does_not_end_then_is_told),
        CASE(much_data_leaves_the_chunks),
        CASE(resets_end_chunked_streams),
        CASE(host_that_goes_after_its_end_resets_the_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
