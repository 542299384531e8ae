/* Sockets that serve one forwarded connection after the other. */
#include "tunnel_bench.h"

static size_t count_spares(const struct bench *b)
{
    size_t n = 0;

    for (size_t row = 0; row < SPARES_FAMILIES; row++)
        for (size_t i = 0; i < SPARES_MAX; i++)
            n += b->base.pool.spares.all[row][i].fd >= 0;
    return n;
}

static int first_spare(const struct bench *b)
{
    return b->base.pool.spares.all[SPARES_V4][0].fd;
}

/* A stream of the host with a connection to the address, and what it says first. */
static int connect_to(struct bench *b, struct sv address, uint16_t port, struct sv first)
{
    auto_sb struct sb bytes = { 0 };

    tunnel_preface_put(
        &bytes, &(struct tunnel_preface){ .kind = TUNNEL_TCP, .port = port, .address = address });
    sb_put(&bytes, first);
    return host_stream(b, &bytes);
}

static int connect_v4(struct bench *b, uint16_t port, struct sv first)
{
    static const char v4[4] = { 127, 0, 0, 1 };

    return connect_to(b, (struct sv){ v4, sizeof(v4) }, port, first);
}

static int connect_v6(struct bench *b, uint16_t port, struct sv first)
{
    static const char v6[16] = { [15] = 1 };

    return connect_to(b, (struct sv){ v6, sizeof(v6) }, port, first);
}

/* Question and answer, and both ends. */
static void serve(struct bench *b, int take_host, int listener, bool host_first)
{
    auto_sb struct sb at_target = { 0 }, at_host = { 0 };
    auto_fd int host = take_host, target = -1;
    int error = -1;

    until(&b->base, bench_accept(listener, &target));
    until(&b->base, (bench_drain(target, &at_target, &error), at_target.n == 8));
    assert_string_equal(sb_str(&at_target), "question");
    assert_int_equal(send(target, "answer", 6, 0), 6);
    assert_int_equal(shutdown(host_first ? host : target, SHUT_WR), 0);
    if (host_first)
        until(&b->base, bench_drain(target, &at_target, &error));
    else
        until(&b->base, bench_drain(host, &at_host, &error));
    assert_int_equal(error, 0);
    assert_int_equal(shutdown(host_first ? target : host, SHUT_WR), 0);
    error = -1;
    until(&b->base,
          bench_drain(host_first ? host : target, host_first ? &at_host : &at_target, &error));
    assert_int_equal(error, 0);
    assert_string_equal(sb_str(&at_host), "answer");
    until(&b->base, b->base.pool.n_relays == 0);
}

static void connections_follow_each_other_on_one_socket(void **state)
{
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    int fd = -1;

    for (int i = 0; i < 6; i++) {
        serve(b, connect_v4(b, port, SV("question")), listener, i % 2);
        assert_int_equal(count_spares(b), 1);
        if (i > 0)
            assert_int_equal(first_spare(b), fd);
        fd = first_spare(b);
    }
}

static void each_family_has_its_own(void **state)
{
    struct bench *b = *state;
    uint16_t ports[2];
    auto_fd int v4_listener = bench_socket(AF_INET, SOCK_STREAM, &ports[0]);
    auto_fd int v6_listener = bench_socket(AF_INET6, SOCK_STREAM, &ports[1]);

    for (size_t i = 0; i < 4; i++) {
        int host = i % 2 ? connect_v6(b, ports[1], SV("question"))
                         : connect_v4(b, ports[0], SV("question"));

        serve(b, host, i % 2 ? v6_listener : v4_listener, true);
        assert_int_equal(count_spares(b), i < 1 ? 1 : 2);
    }
}

static void mapped_addresses_leave_none(void **state)
{
    static const char mapped[16] = { [10] = '\xff', '\xff', 127, 0, 0, 1 };
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);

    serve(b, connect_to(b, (struct sv){ mapped, sizeof(mapped) }, port, SV("question")), listener,
          true);
    assert_int_equal(count_spares(b), 0);
}

static void connect_many(struct bench *b, int family)
{
    uint16_t port;
    auto_fd int listener = bench_socket(family, SOCK_STREAM, &port);
    int hosts[SPARES_MAX + 3];

    for (size_t i = 0; i < COUNT(hosts); i++)
        hosts[i] = family == AF_INET6 ? connect_v6(b, port, SV("question"))
                                      : connect_v4(b, port, SV("question"));
    for (size_t i = 0; i < COUNT(hosts); i++) {
        auto_fd int target = -1;

        until(&b->base, bench_accept(listener, &target));
        assert_int_equal(shutdown(target, SHUT_WR), 0);
        assert_int_equal(shutdown(hosts[i], SHUT_WR), 0);
        until(&b->base, b->base.pool.n_relays == COUNT(hosts) - 1 - i);
        (void)close(hosts[i]);
    }
}

static void no_more_than_some_of_each_family_are_kept(void **state)
{
    struct bench *b = *state;

    connect_many(b, AF_INET6);
    assert_int_equal(count_spares(b), SPARES_MAX);
    connect_many(b, AF_INET);
    assert_int_equal(count_spares(b), 2 * SPARES_MAX);
}

/* All is in the kernel, both ends are told, and the target has yet to read. */
static void what_is_still_on_its_way_arrives(void **state)
{
    enum { N = 1000 * 1000 };
    struct bench *b = *state;
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_fd int host = connect_v4(b, port, SV("")), target = -1;
    auto_sb struct sb at_target = { 0 };
    size_t at = 0;
    int error = -1;

    until(&b->base, bench_accept(listener, &target));
    assert_int_equal(shutdown(target, SHUT_WR), 0);
    until(&b->base, bench_feed(host, &at, N));
    assert_int_equal(shutdown(host, SHUT_WR), 0);
    until(&b->base, b->base.pool.n_relays == 0);
    assert_int_equal(count_spares(b), 0);
    until(&b->base, bench_drain(target, &at_target, &error));
    assert_int_equal(error, 0);
    assert_true(bench_is_pattern(&at_target, N));
}

static void refusal_of_a_spare_is_a_refusal(void **state)
{
    struct bench *b = *state;
    uint16_t port, closed_port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    int closed = bench_socket(AF_INET, SOCK_STREAM, &closed_port), error;
    auto_sb struct sb in = { 0 };

    (void)close(closed);
    serve(b, connect_v4(b, port, SV("question")), listener, true);
    for (int i = 0; i < 2; i++) {
        auto_fd int host = connect_v4(b, closed_port, i ? SV("question") : SV(""));

        until(&b->base, bench_drain(host, &in, &error));
        assert_int_equal(in.n, 0);
    }
    assert_int_equal(count_spares(b), 0);
    serve(b, connect_v4(b, port, SV("question")), listener, true);
}

/* A listener whose queue is full answers the second time. */
static void spare_waits_for_an_answer_like_others(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in addr;
    socklen_t len = sizeof(addr);
    uint16_t port;
    auto_fd int listener = bench_socket(AF_INET, SOCK_STREAM, &port);
    auto_fd int filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), first = -1;
    int host;

    serve(b, connect_v4(b, port, SV("question")), listener, true);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(connect(filler, (struct sockaddr *)&addr, len), 0);
    host = connect_v4(b, port, SV("question"));
    assert_int_equal(count_spares(b), 0);
    assert_true(evloop_step(b->base.loop, 0, NULL));
    assert_int_equal(b->base.pool.n_relays, 0);
    until(&b->base, bench_accept(listener, &first));
    serve(b, host, listener, true);
    assert_int_equal(count_spares(b), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(connections_follow_each_other_on_one_socket),
        CASE(each_family_has_its_own),
        CASE(mapped_addresses_leave_none),
        CASE(no_more_than_some_of_each_family_are_kept),
        CASE(what_is_still_on_its_way_arrives),
        CASE(refusal_of_a_spare_is_a_refusal),
        CASE(spare_waits_for_an_answer_like_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
