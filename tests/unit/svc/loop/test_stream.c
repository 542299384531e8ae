#include "svc/loop/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sb.h"
#include "loop_test.h"

struct side {
    struct stream *stream;
    struct sb got;
    unsigned ended, drained;
    bool close_on_data;
};

static void side_data(void *arg, struct sv bytes)
{
    struct side *side = arg;

    sb_put(&side->got, bytes);
    if (side->close_on_data)
        stream_close(side->stream);
}

static void side_ended(void *arg, const struct err *err)
{
    struct side *side = arg;

    assert_null(err);
    side->ended++;
    stream_close(side->stream);
}

static void side_drained(void *arg)
{
    struct side *side = arg;

    side->drained++;
}

static const struct stream_events side_events = {
    .on_data = side_data, .on_end = side_ended, .on_drained = side_drained,
};

static int side_open(struct side *side)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    side->stream = stream_open(&test_loop, fds[0], &side_events, side, NULL);
    assert_non_null(side->stream);
    return fds[1];
}

static void bytes_pass_both_ways_until_the_peer_closes(void **state)
{
    struct side side = { 0 };
    int peer = side_open(&side);
    char buf[8] = "";

    stream_send(side.stream, SV("abc"));
    assert_int_equal(write(peer, "xyz", 3), 3);
    run_until(side.got.n == 3 && side.drained > 0);
    assert_string_equal(sb_str(&side.got), "xyz");
    assert_int_equal(stream_pending(side.stream), 0);
    assert_int_equal(read(peer, buf, sizeof(buf)), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(close(peer), 0);
    run_until(side.ended > 0);
    assert_int_equal(side.ended, 1);
    sb_done(&side.got);
}

static void a_slow_peer_leaves_bytes_pending(void **state)
{
    enum { SIZE = 8 << 20 };
    struct side side = { 0 };
    int peer = side_open(&side);
    auto_mem char *big = mem_alloc(SIZE);
    auto_mem char *sink = mem_alloc(SIZE);
    size_t got = 0;

    stream_send(side.stream, (struct sv){ big, SIZE });
    assert_true(stream_pending(side.stream) > 0);
    while (got < SIZE) {
        ssize_t n = recv(peer, sink, SIZE, MSG_DONTWAIT);

        got += n > 0 ? (size_t)n : 0;
        (void)uv_run(&test_loop, UV_RUN_NOWAIT);
    }
    run_until(side.drained > 0);
    stream_close(side.stream);
    assert_int_equal(close(peer), 0);
}

static void closing_drops_what_is_unsent_without_a_callback(void **state)
{
    enum { SIZE = 8 << 20 };
    struct side side = { 0 };
    int peer = side_open(&side);
    auto_mem char *big = mem_alloc(SIZE);

    stream_send(side.stream, (struct sv){ big, SIZE });
    stream_close(side.stream);
    stream_close(side.stream);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(side.drained, 0);
    assert_int_equal(side.ended, 0);
    assert_int_equal(close(peer), 0);
}

static void the_owner_may_close_while_data_arrives(void **state)
{
    struct side side = { .close_on_data = true };
    int peer = side_open(&side);

    assert_int_equal(write(peer, "x", 1), 1);
    run_until(side.got.n > 0);
    assert_int_equal(close(peer), 0);
    sb_done(&side.got);
}

static void writing_to_a_closed_peer_ends_once(void **state)
{
    struct side side = { 0 };
    int peer = side_open(&side);

    assert_int_equal(close(peer), 0);
    stream_send(side.stream, SV("x"));
    stream_send(side.stream, SV("y"));
    run_until(side.ended > 0);
    (void)uv_run(&test_loop, UV_RUN_DEFAULT);
    assert_int_equal(side.ended, 1);
}

static void a_bad_descriptor_is_an_error(void **state)
{
    auto_err struct err *err = NULL;
    struct side side = { 0 };

    assert_null(stream_open(&test_loop, 987, &side_events, &side, &err)); /* not open */
    assert_int_equal(err_kind(err), ERR_OS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(bytes_pass_both_ways_until_the_peer_closes),
        loop_test(a_slow_peer_leaves_bytes_pending),
        loop_test(closing_drops_what_is_unsent_without_a_callback),
        loop_test(the_owner_may_close_while_data_arrives),
        loop_test(writing_to_a_closed_peer_ends_once),
        loop_test(a_bad_descriptor_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
