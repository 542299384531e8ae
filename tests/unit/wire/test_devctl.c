#include "wire/devctl.h"

#include <errno.h>
#include <string.h>

#include "unit_test.h"

static const struct devctl_msg samples[] = {
    { .type = DEVCTL_HELLO, .id = 1, .version = DEVCTL_VERSION, .flags = DEVCTL_SANDBOX_NAMESPACE,
      .data = { "0.1.0", 5 } },
    { .type = DEVCTL_LISTEN, .id = 2, .flags = DEVCTL_LISTEN_HOLD, .port = 2222 },
    { .type = DEVCTL_UNLISTEN, .id = 3, .port = 2222 },
    { .type = DEVCTL_CONNECT, .id = 4, .port = 22 },
    { .type = DEVCTL_PUMP, .id = 5, .port = 2223, .tag = 9, .data = { "tcp 127.0.0.1:80\n", 17 } },
    { .type = DEVCTL_ACCEPT, .id = 6, .stream = 77, .tag = 9 },
    { .type = DEVCTL_REJECT, .id = 7, .stream = 78 },
    { .type = DEVCTL_STATS, .id = 8, .tag = 0xffffffff },
    { .type = DEVCTL_RESULT, .id = 0xfffffffe, .error = ECONNREFUSED },
    { .type = DEVCTL_STREAM, .id = 4, .port = 22, .peer_port = 1024 },
    { .type = DEVCTL_ACCEPTED, .port = 2222, .peer_port = 0x80000001 },
    { .type = DEVCTL_HELD, .port = 2300, .peer_port = 5, .stream = 77 },
    { .type = DEVCTL_COUNTERS, .id = 8, .tag = 9, .counters = { 1, 2, 3, 4, 1ull << 40, UINT64_MAX } },
    { .type = DEVCTL_GUEST, .flags = DEVCTL_GUEST_UP | DEVCTL_GUEST_RESUMED },
    { .type = DEVCTL_EXPORT, .id = 10, .flags = DEVCTL_EXPORT_READ_ONLY, .uid = 501, .gid = 1000,
      .data = { "lima-0123456789abcdef", 21 } },
    { .type = DEVCTL_UNEXPORT, .id = 11, .data = { "lima-0123456789abcdef", 21 } },
    { .type = DEVCTL_DETACH, .id = 13, .data = { "hot-1", 5 } },
    { .type = DEVCTL_FORWARD, .id = 12, .port = 2223, .tag = 9, .data = { "preface", 7 } },
};

static void every_type_comes_back_as_it_was_sent(void **state)
{
    assert_int_equal(COUNT(samples), DEVCTL_TYPE_END - 1);
    for (size_t i = 0; i < COUNT(samples); i++) {
        const struct devctl_msg *in = &samples[i];
        uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
        struct devctl_msg out;
        size_t n = devctl_encode(in, packet);

        assert_true(devctl_decode(&out, (struct sv){ (char *)packet, n }, NULL));
        assert_int_equal(out.type, in->type);
        assert_int_equal(out.id, in->id);
        assert_int_equal(out.version, in->version);
        assert_int_equal(out.flags, in->flags);
        assert_int_equal(out.port, in->port);
        assert_int_equal(out.peer_port, in->peer_port);
        assert_int_equal(out.stream, in->stream);
        assert_int_equal(out.tag, in->tag);
        assert_int_equal(out.error, in->error);
        assert_int_equal(out.uid, in->uid);
        assert_int_equal(out.gid, in->gid);
        assert_memory_equal(&out.counters, &in->counters, sizeof(in->counters));
        assert_true(sv_eq(out.data, in->data));
    }
}

static void layout_is_fixed(void **state)
{
    static const char expected[] = "\x02\0\0\0\x07\0\0\0\x01\0\0\0\xae\x08\0\0";
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
    size_t n = devctl_encode(&(struct devctl_msg){ .type = DEVCTL_LISTEN, .id = 7,
                                                   .flags = DEVCTL_LISTEN_HOLD, .port = 2222 },
                             packet);

    assert_int_equal(n, sizeof(expected) - 1);
    assert_memory_equal(packet, expected, n);
}

static void every_cut_is_refused(void **state)
{
    for (size_t i = 0; i < COUNT(samples); i++) {
        uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX];
        size_t n = devctl_encode(&samples[i], packet) - samples[i].data.n;

        for (size_t cut = 0; cut < n; cut++) {
            auto_err struct err *err = NULL;
            struct devctl_msg out;

            assert_false(devctl_decode(&out, (struct sv){ (char *)packet, cut }, &err));
            assert_int_equal(err_kind(err), ERR_PROTOCOL);
        }
    }
}

static void later_fields_are_ignored(void **state)
{
    uint8_t packet[DEVCTL_MESSAGE_SIZE_MAX] = { 0 };
    struct devctl_msg out;
    size_t n = devctl_encode(&(struct devctl_msg){ .type = DEVCTL_CONNECT, .port = 22 }, packet);

    assert_true(devctl_decode(&out, (struct sv){ (char *)packet, n + 12 }, NULL));
    assert_int_equal(out.port, 22);
}

static void unknown_type_yields_its_id(void **state)
{
    auto_err struct err *err = NULL;
    struct devctl_msg out;

    assert_false(devctl_decode(&out, SV("\xee\0\0\0\x05\0\0\0"), &err));
    assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
    assert_int_equal(out.id, 5);
    assert_null(devctl_type_info(0));
    assert_null(devctl_type_info(DEVCTL_TYPE_END));
}

static void reserved_bytes_and_excess_are_refused(void **state)
{
    static char big[DEVCTL_MESSAGE_SIZE_MAX + 1] = { DEVCTL_PUMP };
    struct devctl_msg out;

    assert_false(devctl_decode(&out, SV("\x04\x01\0\0\x05\0\0\0\x16\0\0\0"), NULL));
    assert_false(devctl_decode(&out, (struct sv){ big, sizeof(big) }, NULL));
    assert_false(devctl_decode(&out, (struct sv){ big, 16 + DEVCTL_DATA_LEN_MAX + 1 }, NULL));
    assert_true(devctl_decode(&out, (struct sv){ big, 16 + DEVCTL_DATA_LEN_MAX }, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_as_it_was_sent),
        cmocka_unit_test(layout_is_fixed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(later_fields_are_ignored),
        cmocka_unit_test(unknown_type_yields_its_id),
        cmocka_unit_test(reserved_bytes_and_excess_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
