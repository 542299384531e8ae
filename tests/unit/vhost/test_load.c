/* Many streams at once, and many one after the other: nothing stays behind. */
#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit_test.h"
#include "vsock_bench.h"

#define N_AT_ONCE 2000
#define N_SHORT 50000

static unsigned n_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static int setup(void **state)
{
    struct vsock_bench *b = mem_new(struct vsock_bench);
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    vsock_bench_open(b, UINT64_MAX, VSOCK_STREAMS_MAX);
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

static void two_thousand_streams_at_once_all_get_their_answer(void **state)
{
    struct vsock_bench *b = *state;
    struct rlimit limit;
    static int fds[N_AT_ONCE];
    unsigned n_before = n_open_fds();

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * N_AT_ONCE + 100)
        skip();
    for (unsigned i = 0; i < N_AT_ONCE; i++)
        fds[i] = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), NULL, false);
    vsock_bench_settle(b);
    assert_int_equal(b->n_done, N_AT_ONCE);
    assert_int_equal(vsock_dev_counters(b->dev)->live, N_AT_ONCE);
    for (unsigned i = 0; i < N_AT_ONCE; i++) {
        assert_int_equal(send(fds[i], &i, sizeof(i), 0), sizeof(i));
        assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
    }
    vsock_bench_settle(b);
    for (unsigned i = 0; i < N_AT_ONCE; i++) {
        unsigned back = ~0u;

        assert_int_equal(recv(fds[i], &back, sizeof(back), 0), sizeof(back));
        assert_int_equal(back, i);
        assert_int_equal(recv(fds[i], &back, sizeof(back), 0), 0);
        (void)close(fds[i]);
    }
    vsock_bench_settle(b);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    assert_int_equal(n_open_fds(), n_before);
    assert_int_equal(b->guest.n_bad, 0);
}

static void one_short_stream(struct vsock_bench *b, unsigned i)
{
    if (i % 2 == 0) {
        int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV("x"), NULL, false);

        vsock_bench_settle(b);
        (void)close(fd);
    } else {
        struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

        vsock_bench_settle(b);
        if (i % 4 == 1)
            fake_conn_close(&b->guest, c);
        (void)close(b->accepted[--b->n_accepted]);
    }
    vsock_bench_settle(b);
    fake_vsock_sweep(&b->guest);
}

static void fifty_thousand_short_streams_leave_nothing_behind(void **state)
{
    struct vsock_bench *b = *state;
    unsigned n_before = n_open_fds();
    size_t bytes_before;

    for (unsigned i = 0; i < 100; i++)
        one_short_stream(b, i);
    bytes_before = mallinfo2().uordblks;
    for (unsigned i = 0; i < N_SHORT; i++)
        one_short_stream(b, i);
    assert_int_equal(n_open_fds(), n_before);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    assert_int_equal(vsock_dev_counters(b->dev)->total, N_SHORT + 100);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    assert_true(mallinfo2().uordblks <= bytes_before + 65536);
}

static void every_stream_gets_its_turn_beside_a_busy_one(void **state)
{
    struct vsock_bench *b = *state;
    static char bytes[1 << 16];
    int busy = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), NULL, false);
    int small[8];

    for (unsigned i = 0; i < 8; i++)
        small[i] = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), NULL, false);
    vsock_bench_settle(b);
    for (unsigned round = 0; round < 20; round++) {
        (void)send(busy, bytes, sizeof(bytes), MSG_DONTWAIT);
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal(send(small[i], "x", 1, 0), 1);
        /* One look of the guest at a full queue is enough for the small ones. */
        for (int i = 0; i < 4; i++) {
            vsock_bench_step(b);
            (void)fake_vsock_poll(&b->guest);
        }
        for (unsigned i = 0; i < 8; i++) {
            char byte;

            assert_int_equal(recv(small[i], &byte, 1, MSG_DONTWAIT), 1);
        }
    }
    (void)close(busy);
    for (unsigned i = 0; i < 8; i++)
        (void)close(small[i]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(two_thousand_streams_at_once_all_get_their_answer),
        CASE(fifty_thousand_short_streams_leave_nothing_behind),
        CASE(every_stream_gets_its_turn_beside_a_busy_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
