/* A guest, even its root, cannot do more than break its own device. */
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "../unit_test.h"
#include "vsock_bench.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define BUFFER_AT 0x20000u /* in the guest's memory, free in these tests */

static int setup(void **state)
{
    struct vsock_bench *b = mem_new(struct vsock_bench);

    vsock_bench_open(b, UINT64_MAX, 16);
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

static void expect_works(struct vsock_bench *b)
{
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

    vsock_bench_settle(b);
    assert_true(c->is_open);
    c->is_gone = true;
}

static void restart(struct vsock_bench *b)
{
    fake_guest_stop(b->g);
    fake_guest_start(b->g, false);
    vsock_bench_settle(b);
}

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static void broken_chains_stop_the_device_until_the_driver_starts_anew(void **state)
{
    static const struct {
        const char *what;
        unsigned queue;
        uint16_t head;
        struct desc d[4]; /* entries of the queue from 100 on */
        struct desc table[3]; /* an indirect table at BUFFER_AT */
    } cases[] = {
        { "head out of range", 1, FAKE_QUEUE_NUM, { { 0 } }, { { 0 } } },
        { "head far out of range", 1, 0xffff, { { 0 } }, { { 0 } } },
        { "loop of one", 1, 100, { { BUFFER_AT, 8, NEXT, 100 } }, { { 0 } } },
        { "loop of two", 1, 100, { { BUFFER_AT, 8, NEXT, 101 }, { BUFFER_AT, 8, NEXT, 100 } }, { { 0 } } },
        { "next out of range", 1, 100, { { BUFFER_AT, 8, NEXT, FAKE_QUEUE_NUM } }, { { 0 } } },
        { "address beyond the memory", 1, 100, { { FAKE_MEM_SIZE, 44, 0, 0 } }, { { 0 } } },
        { "end beyond the memory", 1, 100, { { FAKE_MEM_SIZE - 43, 44, 0, 0 } }, { { 0 } } },
        { "address wraps", 1, 100, { { UINT64_MAX - 10, 44, 0, 0 } }, { { 0 } } },
        { "huge length", 1, 100, { { BUFFER_AT, UINT32_MAX, 0, 0 } }, { { 0 } } },
        { "empty buffer", 1, 100, { { BUFFER_AT, 0, 0, 0 } }, { { 0 } } },
        { "readable after writable", 1, 100,
          { { BUFFER_AT, 44, WRITE | NEXT, 101 }, { BUFFER_AT, 44, 0, 0 } }, { { 0 } } },
        { "receive buffer is readable", 0, 100, { { BUFFER_AT, 4096, 0, 0 } }, { { 0 } } },
        { "receive buffer is too small", 0, 100, { { BUFFER_AT, 44, WRITE, 0 } }, { { 0 } } },
        { "receive buffer in many pieces", 0, 100, { { BUFFER_AT, 160, INDIRECT, 0 } },
          { { BUFFER_AT, 1, WRITE | NEXT, 1 }, { BUFFER_AT, 1, WRITE | NEXT, 0 } } },
        { "indirect table beyond the memory", 1, 100, { { FAKE_MEM_SIZE, 16, INDIRECT, 0 } }, { { 0 } } },
        { "indirect table of an odd length", 1, 100, { { BUFFER_AT, 17, INDIRECT, 0 } }, { { 0 } } },
        { "empty indirect table", 1, 100, { { BUFFER_AT, 0, INDIRECT, 0 } }, { { 0 } } },
        { "indirect table that is too long", 1, 100, { { BUFFER_AT, 16 * 1025, INDIRECT, 0 } }, { { 0 } } },
        { "indirect and next", 1, 100, { { BUFFER_AT, 16, INDIRECT | NEXT, 101 } }, { { 0 } } },
        { "indirect in indirect", 1, 100, { { BUFFER_AT, 16, INDIRECT, 0 } },
          { { BUFFER_AT, 16, INDIRECT, 0 } } },
        { "loop in an indirect table", 1, 100, { { BUFFER_AT, 32, INDIRECT, 0 } },
          { { BUFFER_AT, 8, NEXT, 1 }, { BUFFER_AT, 8, NEXT, 0 } } },
        { "next leaves an indirect table", 1, 100, { { BUFFER_AT, 32, INDIRECT, 0 } },
          { { BUFFER_AT, 8, NEXT, 2 } } },
    };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

        vsock_bench_settle(b);
        check_row(c->is_open, cases[i].what);
        for (unsigned k = 0; k < COUNT(cases[i].d); k++)
            fake_guest_desc(b->g, cases[i].queue, 100 + k, cases[i].d[k].addr, cases[i].d[k].len,
                            cases[i].d[k].flags, cases[i].d[k].next);
        memcpy(b->g->mem + BUFFER_AT, cases[i].table, sizeof(cases[i].table));
        if (cases[i].queue == 0) { /* uses up the good buffers first */
            for (unsigned k = 0; k < FAKE_RX_BUFFERS; k++)
                fake_guest_offer(b->g, 0, cases[i].head);
            for (unsigned k = 0; k < FAKE_RX_BUFFERS + 1; k++) {
                c->guest_port = 9000 + k; /* answered with RST */
                (void)fake_conn_packet(&b->guest, c, VSOCK_OP_RW, 0);
            }
        } else {
            fake_guest_offer(b->g, 1, cases[i].head);
        }
        for (int k = 0; k < 10; k++)
            vsock_bench_step(b);
        check_row(b->broken != NULL, cases[i].what);
        check_row(!vsock_dev_is_up(b->dev), cases[i].what);
        check_row(vsock_dev_counters(b->dev)->live == 0, cases[i].what);
        fake_guest_kick(b->g, 0); /* nobody listens any more */
        fake_guest_kick(b->g, 1);
        c->is_gone = true;
        restart(b);
        check_row(vsock_dev_is_up(b->dev), cases[i].what);
        expect_works(b);
        restart(b);
    }
}

static void available_index_that_jumps_breaks_the_queue(void **state)
{
    struct vsock_bench *b = *state;

    b->g->avail[1] = (uint16_t)(b->g->avail[1] + FAKE_QUEUE_NUM);
    fake_guest_offer(b->g, 1, 0);
    fake_guest_kick(b->g, 1);
    for (int k = 0; k < 5; k++)
        vsock_bench_step(b);
    assert_non_null(b->broken);
    restart(b);
    expect_works(b);
}

static void packet_over_the_border_of_two_regions_is_whole(void **state)
{
    struct vsock_bench *b = *state;
    uint8_t header[VSOCK_HEADER_LEN];

    vsock_header_encode(&(struct vsock_header){ .src_cid = 3, .dst_cid = 2, .src_port = 5,
                                                .dst_port = BENCH_PORT, .type = 1,
                                                .op = VSOCK_OP_REQUEST, .buf_alloc = 1000 },
                        header);
    memcpy(b->g->mem + FAKE_SPLIT - 20, header, sizeof(header));
    fake_guest_desc(b->g, 1, 100, FAKE_SPLIT - 20, sizeof(header), 0, 0);
    fake_guest_offer(b->g, 1, 100);
    vsock_bench_settle(b);
    assert_int_equal(b->n_accepted, 1);
}

static void nonsense_packets_are_answered_with_rst_or_dropped(void **state)
{
    enum { DROPPED, RST };
    static const struct {
        const char *what;
        struct vsock_header h;
        size_t n; /* bytes sent; 0 = header and len */
        int result;
    } cases[] = {
        { "short", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 1 }, 43, DROPPED },
        { "one byte", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 1 }, 1, DROPPED },
        { "foreign source", { .src_cid = 4, .dst_cid = 2, .type = 1, .op = 1 }, 0, DROPPED },
        { "to another guest", { .src_cid = 3, .dst_cid = 4, .type = 1, .op = 1 }, 0, DROPPED },
        { "to the hypervisor", { .src_cid = 3, .dst_cid = 0, .type = 1, .op = 1 }, 0, DROPPED },
        { "RST for nobody", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 3 }, 0, DROPPED },
        { "seqpacket", { .src_cid = 3, .dst_cid = 2, .dst_port = BENCH_PORT, .type = 2, .op = 1 }, 0, RST },
        { "unknown type", { .src_cid = 3, .dst_cid = 2, .type = 0xffff, .op = 5 }, 0, RST },
        { "unknown op", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 99 }, 0, RST },
        { "invalid op", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 0 }, 0, RST },
        { "RW for nobody", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 5, .len = 10 }, 0, RST },
        { "RESPONSE for nobody", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 2 }, 0, RST },
        { "SHUTDOWN for nobody", { .src_cid = 3, .dst_cid = 2, .type = 1, .op = 4, .flags = 3 }, 0, RST },
    };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t packet[4096] = { 0 }, answer[44 + FAKE_RX_SIZE];
        struct vsock_header h;
        size_t n;

        vsock_header_encode(&cases[i].h, packet);
        assert_true(fake_guest_send(b->g, packet,
                                    cases[i].n ? cases[i].n : VSOCK_HEADER_LEN + cases[i].h.len));
        for (int k = 0; k < 5; k++)
            vsock_bench_step(b);
        n = fake_guest_receive(b->g, answer);
        check_row((n > 0) == (cases[i].result == RST), cases[i].what);
        if (n > 0) {
            vsock_header_decode(&h, answer);
            check_row(h.op == VSOCK_OP_RST && h.type == cases[i].h.type, cases[i].what);
        }
        check_row(vsock_dev_is_up(b->dev), cases[i].what);
    }
    expect_works(b);
}

static void nonsense_on_an_open_stream_resets_it(void **state)
{
    static const struct {
        const char *what;
        unsigned op;
        uint32_t len, sent; /* claimed and real length of the payload */
    } cases[] = {
        { "payload shorter than claimed", VSOCK_OP_RW, 100, 50 },
        { "huge payload", VSOCK_OP_RW, UINT32_MAX, 10 },
        { "second REQUEST", VSOCK_OP_REQUEST, 0, 0 },
        { "second RESPONSE", VSOCK_OP_RESPONSE, 0, 0 },
        { "unknown op", 77, 0, 0 },
    };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);
        uint8_t packet[4096] = { 0 };

        vsock_bench_settle(b);
        vsock_header_encode(&(struct vsock_header){ .src_cid = 3, .dst_cid = 2,
                                                    .src_port = c->guest_port,
                                                    .dst_port = c->host_port, .type = 1,
                                                    .op = (uint16_t)cases[i].op,
                                                    .len = cases[i].len }, packet);
        assert_true(fake_guest_send(b->g, packet, VSOCK_HEADER_LEN + cases[i].sent));
        vsock_bench_settle(b);
        check_row(c->was_reset, cases[i].what);
    }
    expect_works(b);
}

static void guest_that_sends_more_than_granted_is_reset(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

    vsock_bench_settle(b);
    c->is_greedy = true;
    for (int i = 0; i < 10000 && !c->is_gone; i++) {
        c->peer_space = UINT32_MAX; /* it does not care */
        c->peer_taken = c->sent;
        (void)fake_conn_send(&b->guest, c, 100000);
        vsock_bench_settle(b);
    }
    assert_true(c->was_reset);
    expect_works(b);
}

static void credit_that_makes_no_sense_yields_no_bytes(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c = fake_vsock_connect(&b->guest, BENCH_PORT);

    vsock_bench_settle(b);
    c->taken = 1000; /* more than was ever sent */
    (void)fake_conn_packet(&b->guest, c, VSOCK_OP_CREDIT_UPDATE, 0);
    assert_int_equal(write(b->accepted[0], "x", 1), 1);
    vsock_bench_settle(b);
    assert_int_equal(c->received, 0);
    c->taken = 0;
    (void)fake_conn_packet(&b->guest, c, VSOCK_OP_CREDIT_UPDATE, 0);
    vsock_bench_settle(b);
    assert_int_equal(c->received, 1);
}

static void streams_are_limited(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c;

    for (int i = 0; i < 16; i++) {
        c = fake_vsock_connect(&b->guest, BENCH_PORT);
        vsock_bench_settle(b);
        assert_true(c->is_open);
    }
    c = fake_vsock_connect(&b->guest, BENCH_PORT);
    vsock_bench_settle(b);
    assert_true(c->was_reset);
    (void)close(b->accepted[0]);
    b->accepted[0] = -1;
    vsock_bench_settle(b);
    expect_works(b);
}

static void flood_of_requests_without_receive_buffers_is_bounded(void **state)
{
    struct vsock_bench *b = *state;

    /* The guest takes nothing out of its receive queue meanwhile. */
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t packet[VSOCK_HEADER_LEN];

        vsock_header_encode(&(struct vsock_header){ .src_cid = 3, .dst_cid = 2, .src_port = 5000 + i,
                                                    .dst_port = 99, .type = 1,
                                                    .op = VSOCK_OP_REQUEST }, packet);
        while (!fake_guest_send(b->g, packet, sizeof(packet)))
            vsock_bench_step(b);
    }
    assert_true(vsock_dev_is_up(b->dev));
    b->guest.n_bad = 0;
    vsock_bench_settle(b);
    expect_works(b);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(broken_chains_stop_the_device_until_the_driver_starts_anew),
        CASE(available_index_that_jumps_breaks_the_queue),
        CASE(packet_over_the_border_of_two_regions_is_whole),
        CASE(nonsense_packets_are_answered_with_rst_or_dropped),
        CASE(nonsense_on_an_open_stream_resets_it),
        CASE(guest_that_sends_more_than_granted_is_reset),
        CASE(credit_that_makes_no_sense_yields_no_bytes),
        CASE(streams_are_limited),
        CASE(flood_of_requests_without_receive_buffers_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
