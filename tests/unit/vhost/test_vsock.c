/* Streams between a fake guest and sockets of the host. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit_test.h"
#include "vhost/vsock_priv.h"
#include "vsock_bench.h"

#define ALL_FEATURES UINT64_MAX

static int setup(void **state)
{
    struct vsock_bench *b = mem_new(struct vsock_bench);

    vsock_bench_open(b, ALL_FEATURES, 64);
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

/* A stream that the guest opened to the host; the host's end is the last accepted one. */
static struct fake_conn *open_from_guest(struct vsock_bench *b)
{
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

    vsock_bench_settle(b);
    assert_true(c->is_open);
    return c;
}

static int last_accepted(struct vsock_bench *b)
{
    assert_true(b->n_accepted > 0);
    return b->accepted[b->n_accepted - 1];
}

static void close_accepted(struct vsock_bench *b)
{
    (void)close(last_accepted(b));
    b->accepted[b->n_accepted - 1] = -1;
}

static void driver_is_reported_once(void **state)
{
    struct vsock_bench *b = *state;

    assert_int_equal(b->n_up, 1);
    assert_int_equal(b->n_down, 0);
    assert_true(vsock_dev_is_up(b->dev));
}

static void guest_connects_and_bytes_flow_both_ways(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);
    char text[16] = { 0 };

    assert_int_equal(fake_conn_send(&b->guest, c, 10), 10);
    vsock_bench_settle(b);
    assert_int_equal(recv(last_accepted(b), text, sizeof(text), 0), 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal((uint8_t)text[i], fake_byte(i));
    assert_int_equal(send(last_accepted(b), "answer", 6, 0), 6);
    vsock_bench_settle(b);
    assert_int_equal(c->received, 6);
    assert_int_equal(c->sum_received, fake_sum(0, (const uint8_t *)"answer", 6));
    assert_int_equal(vsock_dev_counters(b->dev)->live, 1);
    assert_int_equal(vsock_dev_counters(b->dev)->bytes_to_guest, 6);
    assert_int_equal(vsock_dev_counters(b->dev)->bytes_from_guest, 10);
}

static void host_connects_and_preface_comes_first(void **state)
{
    struct vsock_bench *b = *state;
    int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV("preface "), NULL, false);
    char text[32] = { 0 };

    assert_int_equal(send(fd, "body", 4, 0), 4);
    vsock_bench_settle(b);
    assert_int_equal(b->n_done, 1);
    assert_int_equal(b->done_error, 0);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 12);
    assert_string_equal(text, "preface body");
    assert_int_equal(b->guest.n_data, 1); /* both came together */
    (void)close(fd);
    vsock_bench_settle(b);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
}

static void first_bytes_do_not_wait_for_the_answer(void **state)
{
    struct vsock_bench *b = *state;
    int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV("preface "), NULL, false);
    char bytes[16384] = { 0 }, text[sizeof(bytes) + 8];
    size_t total = 0;
    ssize_t n;

    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (int i = 0; i < 4; i++)
        vsock_bench_step(b);
    assert_int_equal(b->n_done, 0);
    assert_int_equal(vsock_dev_counters(b->dev)->bytes_to_guest, 4096);
    vsock_bench_settle(b);
    assert_int_equal(b->n_done, 1);
    assert_int_equal(b->guest.n_bad, 0);
    while ((n = recv(fd, text + total, sizeof(text) - total, 0)) > 0) {
        total += (size_t)n;
        vsock_bench_settle(b);
    }
    assert_int_equal(total, sizeof(text));
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    (void)close(fd);
}

static void end_before_the_answer_passes(void **state)
{
    struct vsock_bench *b = *state;
    int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV("p"), NULL, false);
    char text[8];

    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (int i = 0; i < 4; i++)
        vsock_bench_step(b);
    vsock_bench_settle(b);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 1);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
    vsock_bench_settle(b);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    (void)close(fd);
}

static void guest_that_refuses_drops_first_bytes(void **state)
{
    struct vsock_bench *b = *state;
    int fd = vsock_bench_connect(b, 99, SV("preface "), NULL, false);

    assert_int_equal(send(fd, "body", 4, 0), 4);
    vsock_bench_settle(b);
    assert_int_equal(b->n_done, 1);
    assert_int_equal(b->done_error, ECONNREFUSED);
    assert_int_equal(vsock_dev_counters(b->dev)->refused, 1);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    (void)close(fd);
}

static void refusals_pass_both_ways(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = fake_vsock_connect(&b->guest, 99);
    int fd = vsock_bench_connect(b, 99, SV(""), NULL, false);
    char byte;

    vsock_bench_settle(b);
    assert_true(c->was_reset);
    assert_int_equal(b->n_done, 1);
    assert_int_equal(b->done_error, ECONNREFUSED);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    assert_int_equal(vsock_dev_counters(b->dev)->refused, 2);
    (void)close(fd);
}

static void guest_that_closes_without_end_resets_a_forward(void **state)
{
    static const struct {
        struct sv preface;
        bool ends_first;
        unsigned long resets;
    } cases[] = {
        { { "p", 1 }, false, 1 },
        { { "p", 1 }, true, 0 },
        { { "", 0 }, false, 0 }, /* no forward: a plain close */
    };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t before = vsock_dev_counters(b->dev)->reset;
        int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, cases[i].preface, NULL, false);
        struct fake_conn *c;

        vsock_bench_settle(b);
        c = b->guest.conns[b->guest.n_conns - 1];
        if (cases[i].ends_first)
            assert_true(fake_conn_packet(&b->guest, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND));
        assert_true(fake_conn_packet(&b->guest, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH));
        vsock_bench_settle(b);
        assert_int_equal(vsock_dev_counters(b->dev)->reset - before, cases[i].resets);
        assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
        (void)close(fd);
    }
}

/* Reads what the socket has; returns true at the end of file. */
static bool drain(int fd, uint64_t *sum, size_t *n)
{
    uint8_t bytes[65536];
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        *sum = fake_sum(*sum, bytes, (size_t)got);
        *n += (size_t)got;
    }
    return got == 0;
}

static void guest_ends_first_and_gets_the_whole_answer(void **state)
{
    struct vsock_bench *b = *state;
    const size_t total = 3 << 20;
    struct fake_conn *c = open_from_guest(b);
    uint64_t sum = 0, sum_sent = 0;
    size_t n = 0, n_sent = 0;
    bool eof = false;

    while (!eof) {
        if (c->sent < total)
            (void)fake_conn_send(&b->guest, c, total - c->sent);
        else if (!c->sent_eof)
            c->sent_eof = fake_conn_packet(&b->guest, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
        vsock_bench_settle(b);
        eof = drain(last_accepted(b), &sum, &n);
    }
    assert_int_equal(n, total);
    assert_int_equal(sum, c->sum_sent);
    while (n_sent < total) {
        uint8_t bytes[10000];
        ssize_t done;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = fake_byte(n_sent + i);
        done = send(last_accepted(b), bytes,
                    total - n_sent < sizeof(bytes) ? total - n_sent : sizeof(bytes), 0);
        if (done > 0) {
            sum_sent = fake_sum(sum_sent, bytes, (size_t)done);
            n_sent += (size_t)done;
        }
        vsock_bench_settle(b);
    }
    close_accepted(b);
    vsock_bench_settle(b);
    assert_int_equal(c->received, total);
    assert_int_equal(c->sum_received, sum_sent);
    assert_true(c->is_gone);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 0);
    assert_int_equal(b->guest.n_bad, 0);
}

static void host_ends_first_and_gets_the_whole_answer(void **state)
{
    struct vsock_bench *b = *state;
    const size_t total = 1 << 20;
    int fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), NULL, false);
    uint64_t sum = 0, sum_sent = 0;
    size_t n = 0, n_sent = 0;
    bool eof = false;

    while (!eof) {
        uint8_t bytes[5000];
        ssize_t done;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = fake_byte(n_sent + i);
        done = n_sent < total
                   ? send(fd, bytes,
                          total - n_sent < sizeof(bytes) ? total - n_sent : sizeof(bytes), 0)
                   : 0;
        if (done > 0) {
            sum_sent = fake_sum(sum_sent, bytes, (size_t)done);
            n_sent += (size_t)done;
            if (n_sent == total)
                assert_int_equal(shutdown(fd, SHUT_WR), 0);
        }
        vsock_bench_settle(b);
        eof = drain(fd, &sum, &n);
    }
    assert_int_equal(n, total);
    assert_int_equal(sum, sum_sent);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    (void)close(fd);
}

static void reset_by_the_guest_closes_the_socket(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);
    char byte;

    (void)fake_conn_packet(&b->guest, c, VSOCK_OP_RST, 0);
    c->is_gone = true;
    vsock_bench_settle(b);
    assert_int_equal(recv(last_accepted(b), &byte, 1, 0), 0);
    assert_int_equal(vsock_dev_counters(b->dev)->reset, 1);
    assert_int_equal(vsock_dev_counters(b->dev)->live, 0);
}

static void reset_by_the_host_reaches_the_guest(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);

    assert_int_equal(fake_conn_send(&b->guest, c, 10), 10);
    vsock_bench_settle(b);
    close_accepted(b); /* with unread bytes: that is a reset */
    vsock_bench_settle(b);
    assert_true(c->was_reset);
}

/* A pair of connected TCP sockets. */
static void tcp_pair(int out[2])
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    out[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(out[0], (struct sockaddr *)&addr, len), 0);
    out[1] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(out[1] >= 0);
    (void)close(fd);
}

static void held_stream_waits_and_resets_pass_to_tcp(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_HOLD_PORT);
    int client = 0, fds[2];
    char byte;

    vsock_bench_settle(b);
    assert_non_null(b->held);
    assert_false(c->is_open || c->is_gone);
    assert_null(vsock_dev_find_held(b->dev, vsock_stream_number(b->held), &client));
    vsock_stream_set_client(b->held, &client);
    assert_ptr_equal(vsock_dev_find_held(b->dev, vsock_stream_number(b->held), &client), b->held);
    tcp_pair(fds);
    vsock_stream_accept(b->held, fds[1], NULL, NULL, false);
    vsock_bench_settle(b);
    assert_true(c->is_open);
    assert_int_equal(fake_conn_send(&b->guest, c, 1), 1);
    vsock_bench_settle(b);
    assert_int_equal(recv(fds[0], &byte, 1, 0), 1);
    (void)fake_conn_packet(&b->guest, c, VSOCK_OP_RST, 0);
    vsock_bench_settle(b);
    assert_int_equal(recv(fds[0], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(fds[0]);
}

static void held_stream_can_be_refused(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_HOLD_PORT);

    vsock_bench_settle(b);
    vsock_stream_refuse(b->held);
    vsock_bench_settle(b);
    assert_true(c->was_reset);
}

static void guest_that_does_not_read_stops_the_host(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c;
    static char bytes[65536];
    size_t total = 0;
    ssize_t n;

    b->guest.paused = true;
    c = open_from_guest(b);
    while ((n = send(last_accepted(b), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        total += (size_t)n;
        vsock_bench_settle(b);
    }
    assert_int_equal(c->received, c->space); /* the credit, to the last byte */
    assert_true(total > c->received);
    assert_int_equal(b->guest.n_bad, 0);
    c->is_paused = false;
    c->taken = c->received;
    (void)fake_conn_packet(&b->guest, c, VSOCK_OP_CREDIT_UPDATE, 0);
    vsock_bench_settle(b);
    assert_int_equal(c->received, total);
}

static void host_that_does_not_read_stops_the_guest(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);
    uint64_t sum = 0;
    size_t n = 0, total;

    c->is_greedy = true;
    for (int i = 0; i < 2000; i++) {
        (void)fake_conn_send(&b->guest, c, 1 << 20);
        vsock_bench_settle(b);
    }
    total = c->sent;
    assert_true(total < VSOCK_GRANT_MAX + (8u << 20)); /* the grant and the socket's own buffer */
    for (int i = 0; n < total && i < 10000; i++) {
        (void)drain(last_accepted(b), &sum, &n);
        vsock_bench_settle(b);
    }
    assert_int_equal(n, total);
    assert_int_equal(sum, c->sum_sent);
    assert_true(fake_conn_send(&b->guest, c, 1000) == 1000);
}

static void bytes_left_reach_the_host_after_the_guest_closed(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);
    uint64_t sum = 0;
    size_t n = 0, total;
    bool eof = false;

    for (int i = 0; i < 200; i++) {
        (void)fake_conn_send(&b->guest, c, 1 << 20);
        vsock_bench_settle(b);
    }
    total = c->sent;
    fake_conn_close(&b->guest, c);
    vsock_bench_settle(b);
    assert_true(c->is_gone && !c->was_reset); /* the guest need not wait */
    for (int i = 0; !eof && i < 10000; i++) {
        eof = drain(last_accepted(b), &sum, &n);
        vsock_bench_settle(b);
    }
    assert_int_equal(n, total);
    assert_int_equal(sum, c->sum_sent);
}

static void pause_keeps_streams_and_restart_resets_them(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = open_from_guest(b);
    char byte;
    int fd, error;

    fake_guest_stop(b->g);
    assert_int_equal(b->n_down, 1);
    assert_int_equal(send(last_accepted(b), "x", 1, 0), 1);
    fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), NULL, false);
    assert_int_equal(b->done_error, ENETDOWN);
    (void)close(fd);
    fake_guest_start(b->g, true);
    vsock_bench_settle(b);
    assert_int_equal(b->n_resumed, 1);
    assert_int_equal(c->received, 1);
    assert_int_equal(fake_conn_send(&b->guest, c, 1), 1);
    vsock_bench_settle(b);
    assert_int_equal(recv(last_accepted(b), &byte, 1, 0), 1);

    fake_guest_stop(b->g);
    fake_guest_start(b->g, false);
    c->is_gone = true;
    vsock_bench_settle(b);
    assert_int_equal(b->n_up, 3);
    assert_int_equal(b->n_resumed, 1);
    error = (int)recv(last_accepted(b), &byte, 1, 0);
    assert_int_equal(error, 0);
    (void)open_from_guest(b);
}

static void streams_of_a_client_end_with_it_unless_they_were_pumped(void **state)
{
    struct vsock_bench *b = *state;
    int client = 0;
    int bound = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), &client, true);
    int pumped = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), &client, false);
    char byte;

    vsock_bench_settle(b);
    assert_int_equal(b->n_done, 2);
    vsock_dev_drop_client(b->dev, &client);
    vsock_bench_settle(b);
    assert_int_equal(recv(bound, &byte, 1, 0), 0);
    assert_int_equal(send(pumped, "x", 1, 0), 1);
    vsock_bench_settle(b);
    assert_int_equal(recv(pumped, &byte, 1, 0), 1);
    assert_int_equal(b->n_done, 2);
    (void)close(bound);
    (void)close(pumped);
}

static void outcome_is_reported_when_the_client_goes_first(void **state)
{
    struct vsock_bench *b = *state;
    int client = 0, fd;

    b->guest.mute = true;
    fd = vsock_bench_connect(b, BENCH_ECHO_PORT, SV(""), &client, true);
    vsock_bench_settle(b);
    assert_int_equal(b->n_done, 0);
    vsock_dev_drop_client(b->dev, &client);
    assert_int_equal(b->n_done, 1);
    assert_int_equal(b->done_error, ECONNABORTED);
    vsock_bench_settle(b);
    assert_int_equal(fake_vsock_live(&b->guest), 0);
    (void)close(fd);
}

static void qemu_closing_is_reported(void **state)
{
    struct vsock_bench *b = *state;

    (void)shutdown(b->g->sock, SHUT_RDWR);
    vsock_bench_settle(b);
    assert_int_equal(b->n_gone, 1);
    assert_int_equal(b->n_down, 1);
}

static void idle_device_makes_no_interrupts(void **state)
{
    struct vsock_bench *b = *state;

    (void)open_from_guest(b);
    vsock_bench_settle(b);
    (void)fake_guest_called(b->g, 0);
    (void)fake_guest_called(b->g, 1);
    for (int i = 0; i < 10; i++)
        assert_true(evloop_step(b->loop, 1, NULL));
    assert_false(fake_guest_called(b->g, 0));
    assert_false(fake_guest_called(b->g, 1));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(driver_is_reported_once),
        CASE(guest_connects_and_bytes_flow_both_ways),
        CASE(host_connects_and_preface_comes_first),
        CASE(first_bytes_do_not_wait_for_the_answer),
        CASE(end_before_the_answer_passes),
        CASE(guest_that_refuses_drops_first_bytes),
        CASE(refusals_pass_both_ways),
        CASE(guest_ends_first_and_gets_the_whole_answer),
        CASE(host_ends_first_and_gets_the_whole_answer),
        CASE(reset_by_the_guest_closes_the_socket),
        CASE(reset_by_the_host_reaches_the_guest),
        CASE(held_stream_waits_and_resets_pass_to_tcp),
        CASE(held_stream_can_be_refused),
        CASE(guest_that_closes_without_end_resets_a_forward),
        CASE(guest_that_does_not_read_stops_the_host),
        CASE(host_that_does_not_read_stops_the_guest),
        CASE(bytes_left_reach_the_host_after_the_guest_closed),
        CASE(pause_keeps_streams_and_restart_resets_them),
        CASE(streams_of_a_client_end_with_it_unless_they_were_pumped),
        CASE(outcome_is_reported_when_the_client_goes_first),
        CASE(qemu_closing_is_reported),
        CASE(idle_device_makes_no_interrupts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
