/* The file system device between a fake guest and a file server over a scratch directory. */
#include "vhost/fs_dev.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../temp_dir.h"
#include "../unit_test.h"
#include "fake_guest.h"

enum { HIPRIO, REQUESTS };

/* Where the guest puts requests and wants answers. */
#define OUT_AT 0x120000u
#define IN_AT  0x140000u
#define IN_LEN 0x10000u

struct bench {
    struct evloop *loop;
    struct fuse_server *server;
    struct fs_dev *dev;
    struct fake_guest *g;
    unsigned n_gone;
    char broken[64];
};

static void spin(void *arg)
{
    struct bench *b = arg;

    do
        assert_true(evloop_step(b->loop, 0, NULL));
    while (evloop_is_busy(b->loop));
}

static void broke(void *owner, const char *why)
{
    struct bench *b = owner;

    (void)snprintf(b->broken, sizeof(b->broken), "%s", why);
}

static void gone(void *owner, const struct err *err)
{
    struct bench *b = owner;

    b->n_gone++;
}

static const struct fs_dev_events events = { .on_broken = broke, .on_gone = gone };

static int setup(void **state)
{
    struct bench *b = mem_new(struct bench);
    struct fuse_export_options options = { .name = "top" };
    int pair[2];

    assert_int_equal(temp_dir_setup(NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    b->loop = evloop_new(NULL);
    b->server = fuse_server_new();
    assert_true(fuse_server_add(b->server, &options, open(temp_dir, O_PATH | O_CLOEXEC), NULL));
    b->dev = fs_dev_new(b->loop, pair[0], b->server, &events, b, NULL);
    assert_non_null(b->dev);
    b->g = fake_guest_new(pair[1], UINT64_MAX, spin, b);
    b->g->has_no_rx = true;
    fake_guest_start(b->g, false);
    assert_true(b->g->is_up);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    fake_guest_free(b->g);
    spin(b);
    assert_int_equal(b->n_gone, 1);
    fs_dev_free(b->dev);
    fuse_server_free(b->server);
    evloop_free(b->loop);
    free(b);
    return temp_dir_teardown(NULL);
}

/* Puts a request into descriptor slot: one piece to read, and one to write unless in_len is 0. */
static void offer(struct bench *b, unsigned queue, uint16_t slot, const void *request, uint32_t n,
                  uint32_t in_len)
{
    uint32_t at = OUT_AT + slot * 0x1000u;

    memcpy(b->g->mem + at, request, n);
    fake_guest_desc(b->g, queue, slot, at, n, in_len ? VRING_DESC_F_NEXT : 0, (uint16_t)(slot + 1));
    fake_guest_desc(b->g, queue, slot + 1u, IN_AT + slot * 0x1000u, in_len, VRING_DESC_F_WRITE, 0);
    fake_guest_offer(b->g, queue, slot);
}

static struct fuse_out_header answer_in(struct bench *b, uint16_t slot)
{
    struct fuse_out_header out;

    memcpy(&out, b->g->mem + IN_AT + slot * 0x1000u, sizeof(out));
    return out;
}

struct init_request {
    struct fuse_in_header head;
    struct fuse_init_in init;
};

static void greet(struct bench *b)
{
    const struct init_request request = {
        .head = { .len = sizeof(request), .opcode = FUSE_INIT, .unique = 1, .nodeid = 1 },
        .init = { .major = FUSE_KERNEL_VERSION, .minor = 38 },
    };
    uint32_t head, len;

    offer(b, REQUESTS, 0, &request, sizeof(request), 256);
    spin(b);
    assert_true(fake_guest_used(b->g, REQUESTS, &head, &len));
    assert_int_equal(head, 0);
    assert_int_equal(len, sizeof(struct fuse_out_header) + sizeof(struct fuse_init_out));
    assert_int_equal(answer_in(b, 0).error, 0);
}

static struct fuse_in_header statfs_request(uint64_t unique)
{
    return (struct fuse_in_header){
        .len = sizeof(struct fuse_in_header), .opcode = FUSE_STATFS, .unique = unique, .nodeid = 1
    };
}

static void requests_are_answered_and_the_guest_is_called(void **state)
{
    struct bench *b = *state;

    greet(b);
    assert_true(fake_guest_called(b->g, REQUESTS));
}

static void all_requests_that_wait_are_served_in_order(void **state)
{
    enum { N = 40 };
    struct bench *b = *state;
    uint32_t head, len;

    greet(b);
    for (unsigned i = 0; i < N; i++) {
        const struct fuse_in_header request = statfs_request(100 + i);

        offer(b, REQUESTS, (uint16_t)(2 * (i % 8)), &request, sizeof(request), 256);
        if (i % 8 < 7)
            continue;
        spin(b);
        for (unsigned k = i - 7; k <= i; k++) {
            assert_true(fake_guest_used(b->g, REQUESTS, &head, &len));
            assert_int_equal(head, 2 * (k % 8));
            assert_true(answer_in(b, (uint16_t)head).unique == 100 + k);
        }
    }
}

/* How long they may take is measured, so that one of many is enough. */
static void requests_that_follow_closely_need_no_kick(void **state)
{
    struct bench *b = *state;
    uint64_t n_kicks, n_without = 0;
    uint32_t head, len;

    greet(b);
    for (uint64_t i = 0; i < 10000 && n_without == 0; i++) {
        const struct fuse_in_header request = statfs_request(100 + i);

        n_kicks = b->g->n_kicks;
        offer(b, REQUESTS, 0, &request, sizeof(request), 256);
        n_without += b->g->n_kicks == n_kicks;
        for (int k = 0; k < 3; k++)
            assert_true(evloop_step(b->loop, 0, NULL));
        assert_true(fake_guest_used(b->g, REQUESTS, &head, &len));
        assert_true(answer_in(b, 0).unique == 100 + i);
    }
    assert_true(n_without > 0);
    spin(b);
    for (unsigned queue = HIPRIO; queue <= REQUESTS; queue++) {
        const struct fuse_in_header request = statfs_request(1);

        n_kicks = b->g->n_kicks;
        offer(b, queue, 0, &request, sizeof(request), 256);
        assert_true(b->g->n_kicks == n_kicks + 1);
        spin(b);
    }
}

struct forget_request {
    struct fuse_in_header head;
    struct fuse_forget_in forget;
};

static void offer_forget(struct bench *b, uint16_t slot)
{
    const struct forget_request request = {
        .head = { .len = sizeof(request), .opcode = FUSE_FORGET, .nodeid = 2 }
    };

    offer(b, HIPRIO, slot, &request, sizeof(request), 0);
}

static void forgets_come_on_their_own_queue_and_have_no_answer(void **state)
{
    struct bench *b = *state;
    uint32_t head, len;

    greet(b);
    offer_forget(b, 0);
    spin(b);
    assert_true(fake_guest_used(b->g, HIPRIO, &head, &len));
    assert_int_equal(len, 0);
    assert_string_equal(b->broken, "");
}

/* When the guest is called depends on the time, too, so that one of many is enough. */
static void the_guest_is_not_called_for_each_forget_but_in_the_end(void **state)
{
    struct bench *b = *state;
    uint32_t head, len;
    unsigned i = 0;

    greet(b);
    for (;; i++) {
        assert_true(i < 1000);
        offer_forget(b, 0);
        spin(b);
        if (!fake_guest_called(b->g, HIPRIO))
            break;
        assert_true(fake_guest_used(b->g, HIPRIO, &head, &len));
    }
    assert_true(evloop_step(b->loop, VHOST_LATE_MS, NULL) && evloop_step(b->loop, 0, NULL));
    assert_true(fake_guest_called(b->g, HIPRIO));
}

static void the_guest_is_called_for_many_forgets(void **state)
{
    struct bench *b = *state;

    greet(b);
    for (unsigned i = 0; i < FAKE_QUEUE_NUM / 4; i++)
        offer_forget(b, (uint16_t)(2 * (i % 8)));
    spin(b);
    assert_true(fake_guest_called(b->g, HIPRIO));
}

static void what_was_not_told_is_told_when_the_queues_stop(void **state)
{
    struct bench *b = *state;

    greet(b);
    offer_forget(b, 0);
    spin(b);
    fake_guest_stop(b->g);
    assert_true(fake_guest_called(b->g, HIPRIO));
}

static void what_is_no_request_breaks_the_queue_until_the_driver_starts_anew(void **state)
{
    struct bench *b = *state;
    struct fuse_in_header request = statfs_request(1);
    uint32_t head, len;

    greet(b);
    request.len = 4;
    offer(b, REQUESTS, 0, &request, sizeof(request), 256);
    spin(b);
    assert_false(fake_guest_used(b->g, REQUESTS, &head, &len));
    assert_string_equal(b->broken, "what it holds is not a file request");
    fake_guest_stop(b->g);
    fake_guest_start(b->g, false);
    greet(b);
}

static void a_pause_keeps_what_the_guest_knows_a_new_driver_does_not(void **state)
{
    struct bench *b = *state;
    struct fuse_in_header request = statfs_request(7);
    uint32_t head, len;

    greet(b);
    fake_guest_stop(b->g);
    fake_guest_start(b->g, true);
    offer(b, REQUESTS, 0, &request, sizeof(request), 256);
    spin(b);
    assert_true(fake_guest_used(b->g, REQUESTS, &head, &len));
    assert_int_equal(answer_in(b, 0).error, 0);
    fake_guest_stop(b->g);
    fake_guest_start(b->g, false);
    offer(b, REQUESTS, 0, &request, sizeof(request), 256);
    spin(b);
    assert_true(fake_guest_used(b->g, REQUESTS, &head, &len));
    assert_true(answer_in(b, 0).error < 0); /* it has not greeted */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(requests_are_answered_and_the_guest_is_called),
        CASE(all_requests_that_wait_are_served_in_order),
        CASE(requests_that_follow_closely_need_no_kick),
        CASE(forgets_come_on_their_own_queue_and_have_no_answer),
        CASE(the_guest_is_not_called_for_each_forget_but_in_the_end),
        CASE(the_guest_is_called_for_many_forgets),
        CASE(what_was_not_told_is_told_when_the_queues_stop),
        CASE(what_is_no_request_breaks_the_queue_until_the_driver_starts_anew),
        CASE(a_pause_keeps_what_the_guest_knows_a_new_driver_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
