/* The vhost-user protocol, as QEMU speaks it and as it should not. */
#include "vhost/dev.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit_test.h"
#include "vsock_bench.h"

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

/* The result of a message that asks for a reply: 0 = done, 1 = refused, -1 = the socket closed. */
static int result_of(struct vsock_bench *b, uint32_t request, const void *payload, uint32_t n,
                     const int *fds, unsigned n_fds)
{
    uint64_t result;

    if (fake_guest_request(b->g, request, true, payload, n, fds, n_fds, &result) != 8)
        return -1;
    return (int)result;
}

static void features_are_offered_and_checked(void **state)
{
    struct vsock_bench *b = *state;
    const uint64_t not_offered = 1ull << 63;
    uint64_t features = 0;

    assert_int_equal(fake_guest_request(b->g, VHOST_USER_GET_FEATURES, false, NULL, 0, NULL, 0,
                                        &features), 8);
    assert_true(features >> VHOST_USER_F_PROTOCOL_FEATURES & 1);
    assert_int_equal(fake_guest_request(b->g, VHOST_USER_GET_PROTOCOL_FEATURES, false, NULL, 0, NULL,
                                        0, &features), 8);
    assert_true(features >> VHOST_USER_PROTOCOL_F_REPLY_ACK & 1);
    assert_true(features >> VHOST_USER_PROTOCOL_F_CONFIG & 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_FEATURES, &not_offered, 8, NULL, 0), 1);
}

static void config_holds_the_cid(void **state)
{
    struct vsock_bench *b = *state;
    const struct {
        uint32_t offset, size, flags;
        uint64_t cid;
    } __attribute__((packed)) ask = { 0, 8, 0, 0 };
    const uint32_t beyond[5] = { 4, 8, 0, 0, 0 };
    uint8_t answer[VHOST_USER_PAYLOAD_LEN_MAX];

    assert_int_equal(fake_guest_request(b->g, VHOST_USER_GET_CONFIG, false, &ask, sizeof(ask), NULL,
                                        0, answer), 20);
    assert_int_equal(answer[12], VSOCK_GUEST_CID);
    assert_int_equal(fake_guest_request(b->g, VHOST_USER_GET_CONFIG, false, beyond, sizeof(beyond),
                                        NULL, 0, answer), 12); /* no bytes: refused */
    assert_int_equal(result_of(b, VHOST_USER_SET_CONFIG, &ask, sizeof(ask), NULL, 0), 1);
}

static void unknown_and_broken_messages_are_refused_and_the_device_lives(void **state)
{
    struct vsock_bench *b = *state;
    const uint64_t kick_of_99 = 99, with_fd = 0;
    const int fd = eventfd(0, EFD_CLOEXEC);

    assert_int_equal(result_of(b, 21, NULL, 0, NULL, 0), 1);
    assert_int_equal(result_of(b, 1000, "abcd", 4, NULL, 0), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_FEATURES, "abcd", 4, NULL, 0), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_KICK, &kick_of_99, 8, &fd, 1), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_KICK, &with_fd, 8, NULL, 0), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_OWNER, NULL, 0, &fd, 1), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_NUM, (uint32_t[]){ 8, 128 }, 8, NULL, 0), 1);
    assert_true(vsock_dev_is_up(b->dev));
    assert_int_equal(b->n_gone, 0);
    (void)close(fd);
}

static void message_that_cannot_be_answered_ends_the_device(void **state)
{
    struct vsock_bench *b = *state;
    uint32_t answer[2];

    assert_int_equal(fake_guest_request(b->g, VHOST_USER_GET_VRING_BASE, false,
                                        (uint32_t[]){ 200, 0 }, 8, NULL, 0, answer), -1);
    assert_int_equal(b->n_gone, 1);
}

static void oversized_message_ends_the_device(void **state)
{
    static const char bytes[4000];
    struct vsock_bench *b = *state;

    (void)fake_guest_request(b->g, VHOST_USER_SET_OWNER, false, bytes, sizeof(bytes), NULL, 0, NULL);
    vsock_bench_settle(b);
    assert_int_equal(b->n_gone, 1);
}

static void message_in_pieces_is_put_together(void **state)
{
    struct vsock_bench *b = *state;
    const uint32_t words[3] = { VHOST_USER_GET_QUEUE_NUM, VHOST_USER_VERSION, 0 };
    uint32_t answer[5];

    for (size_t i = 0; i < sizeof(words); i++) {
        assert_int_equal(send(b->g->sock, (const char *)words + i, 1, 0), 1);
        vsock_bench_settle(b);
    }
    assert_int_equal(recv(b->g->sock, answer, sizeof(answer), MSG_DONTWAIT), sizeof(answer));
    assert_int_equal(answer[3], 2);
}

static void memory_tables_are_checked(void **state)
{
    const uint64_t size = FAKE_MEM_SIZE;
    const struct {
        const char *what;
        uint64_t region[4];
        int result;
    } cases[] = {
        { "the whole file", { 0, size, 0x1000, 0 }, 0 },
        { "beyond the file", { 0, size + 1, 0x1000, 0 }, 1 },
        { "offset beyond the file", { 0, 4096, 0x1000, size }, 1 },
        { "offset wraps", { 0, 4096, 0x1000, UINT64_MAX - 100 }, 1 },
        { "guest address wraps", { UINT64_MAX - 100, 4096, 0x1000, 0 }, 1 },
        { "user address wraps", { 0, 4096, UINT64_MAX - 100, 0 }, 1 },
        { "empty", { 0, 0, 0x1000, 0 }, 1 },
    };
    struct vsock_bench *b = *state;
    const int event_fd = eventfd(0, EFD_CLOEXEC);

    fake_guest_stop(b->g);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct {
            uint32_t n, pad;
            uint64_t region[4];
        } table = { 1, 0, { 0 } };

        memcpy(table.region, cases[i].region, sizeof(table.region));
        check_row(result_of(b, VHOST_USER_SET_MEM_TABLE, &table, sizeof(table), &b->g->mem_fd, 1) ==
                      cases[i].result, cases[i].what);
        if (i == 0)
            assert_int_equal(result_of(b, VHOST_USER_SET_MEM_TABLE, &table, sizeof(table), &event_fd,
                                       1), 1);
    }
    (void)close(event_fd);
    fake_guest_start(b->g, false);
    assert_true(vsock_dev_is_up(b->dev));
}

static void queues_are_checked(void **state)
{
    const uint64_t user = 0x7f0000000000;
    const struct {
        const char *what;
        uint32_t num;
        uint64_t words[4]; /* desc, used, avail, log */
    } cases[] = {
        { "no entries", 0, { user, user + 0x2000, user + 0x1000 } },
        { "not a power of two", 100, { user, user + 0x2000, user + 0x1000 } },
        { "too many entries", 2048, { user, user + 0x9000, user + 0x8000 } },
        { "descriptors not aligned", 128, { user + 8, user + 0x2000, user + 0x1000 } },
        { "available ring not aligned", 128, { user, user + 0x2000, user + 0x1001 } },
        { "used ring not aligned", 128, { user, user + 0x2002, user + 0x1000 } },
        { "outside of the memory", 128, { 16, user + 0x2000, user + 0x1000 } },
        { "over the end of a region", 128,
          { user, user + FAKE_SPLIT - 16, user + 0x1000 } },
        { "wraps", 128, { user, UINT64_MAX - 3, user + 0x1000 } },
    };
    struct vsock_bench *b = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct {
            uint32_t index, flags;
            uint64_t words[4];
        } addr = { 0, 0, { 0 } };

        memcpy(addr.words, cases[i].words, sizeof(addr.words));
        assert_int_equal(result_of(b, VHOST_USER_SET_VRING_NUM, (uint32_t[]){ 0, cases[i].num }, 8,
                                   NULL, 0), 0);
        check_row(result_of(b, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0) == 1,
                  cases[i].what);
        check_row(!vsock_dev_is_up(b->dev), cases[i].what);
    }
    fake_guest_stop(b->g);
    fake_guest_start(b->g, false);
    assert_true(vsock_dev_is_up(b->dev));
}

static void disabled_queue_stops_the_device(void **state)
{
    struct vsock_bench *b = *state;

    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_ENABLE, (uint32_t[]){ 1, 0 }, 8, NULL, 0), 0);
    assert_false(vsock_dev_is_up(b->dev));
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_ENABLE, (uint32_t[]){ 1, 1 }, 8, NULL, 0), 0);
    assert_true(vsock_dev_is_up(b->dev));
}

static void reset_forgets_the_queues(void **state)
{
    struct vsock_bench *b = *state;

    assert_int_equal(result_of(b, VHOST_USER_RESET_DEVICE, NULL, 0, NULL, 0), 0);
    assert_false(vsock_dev_is_up(b->dev));
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_ENABLE, (uint32_t[]){ 1, 1 }, 8, NULL, 0), 0);
    assert_false(vsock_dev_is_up(b->dev));
    fake_guest_start(b->g, false);
    assert_true(vsock_dev_is_up(b->dev));
}

static void memory_may_change_while_running(void **state)
{
    struct vsock_bench *b = *state;
    struct fake_conn *c;

    assert_true(fake_guest_set_memory(b->g));
    assert_true(vsock_dev_is_up(b->dev));
    c = fake_vsock_connect(&b->guest, BENCH_PORT);
    vsock_bench_settle(b);
    assert_true(c->is_open);
}

static void kick_that_is_no_eventfd_does_no_harm(void **state)
{
    struct vsock_bench *b = *state;
    const uint64_t queue = 1;
    int fds[2], file = open("/dev/null", O_RDWR | O_CLOEXEC);

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)close(fds[1]); /* readable for ever */
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_KICK, &queue, 8, &fds[0], 1), 0);
    for (int i = 0; i < 5; i++)
        vsock_bench_step(b);
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_KICK, &queue, 8, &file, 1), 1);
    assert_int_equal(result_of(b, VHOST_USER_SET_VRING_CALL, &queue, 8, &file, 1), 0);
    (void)close(fds[0]);
    (void)close(file);
    assert_int_equal(b->n_gone, 0);
}

static void guests_without_event_indexes_work(void **state)
{
    struct vsock_bench b;
    struct fake_conn *c;
    char byte;

    vsock_bench_open(&b, ~(1ull << 29 | 1ull << 28), 16);
    c = fake_vsock_connect(&b.guest, BENCH_PORT);
    vsock_bench_settle(&b);
    assert_true(c->is_open);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(fake_conn_send(&b.guest, c, 1), 1);
        vsock_bench_settle(&b);
        assert_int_equal(recv(b.accepted[0], &byte, 1, 0), 1);
        assert_int_equal(send(b.accepted[0], "x", 1, 0), 1);
        vsock_bench_settle(&b);
    }
    assert_int_equal(c->received, 500);
    vsock_bench_close(&b);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(features_are_offered_and_checked),
        CASE(config_holds_the_cid),
        CASE(unknown_and_broken_messages_are_refused_and_the_device_lives),
        CASE(message_that_cannot_be_answered_ends_the_device),
        CASE(oversized_message_ends_the_device),
        CASE(message_in_pieces_is_put_together),
        CASE(memory_tables_are_checked),
        CASE(queues_are_checked),
        CASE(disabled_queue_stops_the_device),
        CASE(reset_forgets_the_queues),
        CASE(memory_may_change_while_running),
        CASE(kick_that_is_no_eventfd_does_no_harm),
        cmocka_unit_test(guests_without_event_indexes_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
