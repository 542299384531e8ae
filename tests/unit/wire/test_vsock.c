#include "wire/vsock.h"

#include "../unit_test.h"

static const struct vsock_header sample = {
    .src_cid = 0x0102030405060708, .dst_cid = VSOCK_CID_HOST, .src_port = 0x11121314,
    .dst_port = 2222, .len = 0x21222324, .type = VSOCK_TYPE_STREAM, .op = VSOCK_OP_RW,
    .flags = 0x31323334, .buf_alloc = 0x41424344, .fwd_cnt = 0x51525354,
};

static void layout_is_that_of_the_specification(void **state)
{
    static const uint8_t expected[VSOCK_HEADER_LEN] = {
        8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0x14, 0x13, 0x12, 0x11, 0xae, 0x08, 0, 0,
        0x24, 0x23, 0x22, 0x21, 1, 0, 5, 0, 0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41,
        0x54, 0x53, 0x52, 0x51,
    };
    uint8_t bytes[VSOCK_HEADER_LEN];

    vsock_header_encode(&sample, bytes);
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void header_comes_back(void **state)
{
    uint8_t bytes[VSOCK_HEADER_LEN], again[VSOCK_HEADER_LEN];
    struct vsock_header out;

    vsock_header_encode(&sample, bytes);
    vsock_header_decode(&out, bytes);
    assert_int_equal(out.src_cid, sample.src_cid);
    assert_int_equal(out.op, sample.op);
    assert_int_equal(out.fwd_cnt, sample.fwd_cnt);
    vsock_header_encode(&out, again);
    assert_memory_equal(again, bytes, sizeof(bytes));
}

static void ops_have_names(void **state)
{
    assert_string_equal(vsock_op_name(VSOCK_OP_SHUTDOWN), "SHUTDOWN");
    assert_string_equal(vsock_op_name(VSOCK_OP_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_that_of_the_specification),
        cmocka_unit_test(header_comes_back),
        cmocka_unit_test(ops_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
