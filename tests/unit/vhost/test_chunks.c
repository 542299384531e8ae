/* Forwards in chunks: streams that serve one connection after the other. The guest echoes, so it
 * says in chunks what it was told in chunks; a preface here is a chunk as well. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit_test.h"
#include "vhost/vsock_priv.h"
#include "vsock_bench.h"

static int setup(void **state)
{
    struct vsock_bench *b = mem_new(struct vsock_bench);

    vsock_bench_open(b, UINT64_MAX, 64);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct vsock_bench *b = *state;

    vsock_bench_close(b);
    free(b);
    return 0;
}

static int forward(struct vsock_bench *b)
{
    return vsock_bench_forward(b, BENCH_ECHO_PORT, SV("\0\3pre"));
}

static struct fake_conn *last_conn(struct vsock_bench *b)
{
    return b->guest.conns[b->guest.n_conns - 1];
}

static void expect(struct vsock_bench *b, int fd, const char *text)
{
    char got[64] = { 0 };

    vsock_bench_settle(b);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), strlen(text));
    assert_string_equal(got, text);
}

static void expect_end(struct vsock_bench *b, int fd)
{
    char byte;

    vsock_bench_settle(b);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    (void)close(fd);
    vsock_bench_settle(b);
}

/* A whole connection. */
static void use(struct vsock_bench *b)
{
    int fd = forward(b);

    expect(b, fd, "pre");
    assert_int_equal(send(fd, "body", 4, 0), 4);
    expect(b, fd, "body");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_end(b, fd);
}

static void connections_share_a_stream(void **state)
{
    struct vsock_bench *b = *state;
    const struct devctl_counters *counters = vsock_dev_counters(b->dev);

    for (unsigned i = 1; i <= 5; i++) {
        use(b);
        assert_int_equal(b->n_done, i);
        assert_int_equal(b->done_error, 0);
        assert_int_equal(counters->total, i);
        assert_int_equal(counters->live, 0);
        assert_int_equal(counters->bytes_from_guest, 7 * i); /* heads are not the connections' */
        assert_int_equal(b->dev->n_idle, 1);
    }
    assert_int_equal(b->guest.n_conns, 1);
    assert_int_equal(counters->reset, 0);
    assert_int_equal(b->guest.n_bad, 0);
}

static void connections_at_once_have_streams_of_their_own(void **state)
{
    struct vsock_bench *b = *state;
    int one = forward(b), two = forward(b);

    expect(b, one, "pre");
    expect(b, two, "pre");
    assert_int_equal(b->guest.n_conns, 2);
    assert_int_equal(shutdown(one, SHUT_WR), 0);
    expect_end(b, one);
    assert_int_equal(b->dev->n_idle, 1);
    assert_int_equal(shutdown(two, SHUT_WR), 0);
    expect_end(b, two);
    assert_int_equal(b->dev->n_idle, 2);
}

/* Sends a sequence and reads it back; returns how much came back. */
static size_t echo_much(struct vsock_bench *b, int fd, size_t total)
{
    size_t sent = 0, came = 0;
    uint8_t bytes[30000];

    for (int round = 0; round < 10000 && came < total; round++) {
        ssize_t n;
        size_t want = total - sent < sizeof(bytes) ? total - sent : sizeof(bytes);

        for (size_t i = 0; i < want; i++)
            bytes[i] = fake_byte(sent + i);
        n = want > 0 ? send(fd, bytes, want, MSG_DONTWAIT) : 0;
        sent += n > 0 ? (size_t)n : 0;
        vsock_bench_settle(b);
        while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                assert_int_equal(bytes[i], fake_byte(came + (size_t)i));
            came += (size_t)n;
        }
    }
    return came;
}

static void much_data_leaves_the_chunks(void **state)
{
    static const struct {
        size_t n;
        bool is_reused;
    } cases[] = { { 20000, true }, { TUNNEL_CHUNKED_MAX - 10000, true }, { 1 << 20, false } };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd = forward(b);

        expect(b, fd, "pre");
        assert_int_equal(echo_much(b, fd, cases[i].n), cases[i].n);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        expect_end(b, fd);
        assert_int_equal(b->dev->n_idle, cases[i].is_reused);
        assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    }
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 0);
    assert_int_equal(b->guest.n_bad, 0);
}

static void client_that_goes_away_ends_the_stream(void **state)
{
    struct vsock_bench *b = *state;
    int fd;

    b->guest.paused = true;
    fd = forward(b);
    vsock_bench_settle(b);
    (void)close(fd);
    vsock_bench_settle(b);
    assert_int_equal(b->dev->n_idle, 0);
    b->guest.paused = last_conn(b)->is_paused = false;
    vsock_bench_settle(b);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    use(b);
    assert_int_equal(b->guest.n_conns, 2);
}

static void reset_by_the_guest_ends_the_stream(void **state)
{
    struct vsock_bench *b = *state;
    int fd = forward(b);

    vsock_bench_settle(b);
    assert_true(fake_conn_packet(&b->guest, last_conn(b), VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH));
    vsock_bench_settle(b);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 1);
    assert_int_equal(b->dev->n_idle, 0);
    (void)close(fd);
    use(b);
    assert_int_equal(b->guest.n_conns, 2);
}

static void idle_stream_may_be_ended_by_the_guest(void **state)
{
    static const unsigned ops[] = { VSOCK_OP_SHUTDOWN, VSOCK_OP_RST };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(ops); i++) {
        use(b);
        assert_true(fake_conn_packet(&b->guest, last_conn(b), ops[i], VSOCK_SHUTDOWN_BOTH));
        vsock_bench_settle(b);
        assert_int_equal(b->dev->n_idle, 0);
        assert_int_equal(b->dev->n_streams, 0);
    }
    use(b);
    assert_int_equal(b->guest.n_conns, COUNT(ops) + 1);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 0);
    assert_int_equal(vsock_dev_counters(b->dev)->refused, 0);
}

static void idle_stream_that_ends_is_not_found(void **state)
{
    static const unsigned ops[] = { VSOCK_OP_SHUTDOWN, VSOCK_OP_RW };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(ops); i++) {
        const struct vsock_header header = { .op = ops[i], .flags = VSOCK_SHUTDOWN_BOTH };
        struct vsock_stream *s;
        int fd;

        use(b);
        s = CONTAINER_OF(b->dev->idle.next, struct vsock_stream, idle);
        vsock_stream_packet(s, &header, NULL, 0); /* the guest is owed a RST now */
        assert_int_equal(b->dev->n_idle, 0);
        assert_false(ev_timer_is_running(&s->timer));
        fd = forward(b);
        expect(b, fd, "pre");
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        expect_end(b, fd);
        assert_int_equal(b->dev->n_streams, 1);
    }
}

static void bytes_after_the_end_are_refused(void **state)
{
    struct vsock_bench *b = *state;

    use(b);
    assert_int_equal(fake_conn_send(&b->guest, last_conn(b), 5), 5);
    vsock_bench_settle(b);
    assert_int_equal(b->dev->n_idle, 0);
    assert_true(last_conn(b)->was_reset);
    use(b);
}

/* The guest does not echo what comes after. */
static struct vsock_stream *stream_that_the_guest_ended(struct vsock_bench *b, int *out_fd)
{
    const struct vsock_header header = { .op = VSOCK_OP_RW, .len = TUNNEL_CHUNK_HEAD_LEN };
    struct iovec end = { (char[TUNNEL_CHUNK_HEAD_LEN]){ 0 }, TUNNEL_CHUNK_HEAD_LEN };
    struct vsock_stream *s;

    *out_fd = forward(b);
    expect(b, *out_fd, "pre");
    last_conn(b)->is_paused = true;
    s = CONTAINER_OF(b->dev->streams.next, struct vsock_stream, link);
    vsock_stream_packet(s, &header, &end, 1);
    return s;
}

static void end_of_the_host_that_comes_soon_frees_the_stream(void **state)
{
    struct vsock_bench *b = *state;
    int fd;

    (void)stream_that_the_guest_ended(b, &fd);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_end(b, fd);
    assert_int_equal(b->dev->n_idle, 1);
}

static void end_of_the_host_that_comes_late_ends_the_stream(void **state)
{
    struct vsock_bench *b = *state;
    int fd;

    stream_that_the_guest_ended(b, &fd)->chunks_in_ended_ns -= TUNNEL_HOST_END_MS / 2 * 1000000ull;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_end(b, fd);
    assert_int_equal(b->dev->n_idle, 0);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 0);
    use(b);
    assert_int_equal(b->guest.n_conns, 2);
}

static void idle_streams_are_bounded_and_time_out(void **state)
{
    struct vsock_bench *b = *state;
    int fds[VSOCK_IDLE_MAX + 5];
    struct vsock_stream *s;

    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = forward(b);
    for (size_t i = 0; i < COUNT(fds); i++) {
        expect(b, fds[i], "pre");
        assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
        expect_end(b, fds[i]);
    }
    assert_int_equal(b->dev->n_idle, VSOCK_IDLE_MAX);
    assert_int_equal(b->dev->n_streams, VSOCK_IDLE_MAX);
    assert_int_equal(fake_vsock_live(&b->guest), VSOCK_IDLE_MAX);

    while (b->dev->n_idle > 0) {
        s = CONTAINER_OF(b->dev->idle.prev, struct vsock_stream, idle);
        assert_true(ev_timer_is_running(&s->timer));
        s->timer.on_due(&s->timer);
        vsock_bench_settle(b);
    }
    assert_int_equal(b->dev->n_streams, 0);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
}

static void restart_of_the_guest_forgets_idle_streams(void **state)
{
    struct vsock_bench *b = *state;

    use(b);
    fake_guest_stop(b->g);
    vsock_bench_settle(b);
    fake_guest_start(b->g, false);
    vsock_bench_settle(b);
    assert_int_equal(b->dev->n_idle, 0);
    assert_int_equal(b->dev->n_streams, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(connections_share_a_stream),
        CASE(connections_at_once_have_streams_of_their_own),
        CASE(much_data_leaves_the_chunks),
        CASE(client_that_goes_away_ends_the_stream),
        CASE(reset_by_the_guest_ends_the_stream),
        CASE(idle_stream_may_be_ended_by_the_guest),
        CASE(idle_stream_that_ends_is_not_found),
        CASE(bytes_after_the_end_are_refused),
        CASE(end_of_the_host_that_comes_soon_frees_the_stream),
        CASE(end_of_the_host_that_comes_late_ends_the_stream),
        CASE(idle_streams_are_bounded_and_time_out),
        CASE(restart_of_the_guest_forgets_idle_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
