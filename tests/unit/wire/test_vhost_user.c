#include "wire/vhost_user.h"

#include <string.h>

#include "../unit_test.h"

static bool decode(struct vhost_user_msg *out, uint32_t request, uint32_t flags, const void *payload,
                   size_t n, size_t n_fds, struct err **errp)
{
    const struct vhost_user_head head = { request, flags, (uint32_t)n };

    return vhost_user_decode(out, &head, (struct sv){ payload, n }, n_fds, errp);
}

static void head_is_checked(void **state)
{
    static const struct {
        const char *what;
        uint32_t words[3];
        bool ok;
    } cases[] = {
        { "plain", { 1, 1, 0 }, true },
        { "asks for a reply", { 1, 9, 8 }, true },
        { "longest", { 5, 1, VHOST_USER_PAYLOAD_LEN_MAX }, true },
        { "too long", { 5, 1, VHOST_USER_PAYLOAD_LEN_MAX + 1 }, false },
        { "huge", { 5, 1, UINT32_MAX }, false },
        { "no version", { 1, 0, 0 }, false },
        { "other version", { 1, 2, 0 }, false },
        { "a reply", { 1, 5, 0 }, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vhost_user_head head;
        uint8_t bytes[VHOST_USER_HEAD_LEN];

        memcpy(bytes, cases[i].words, sizeof(bytes));
        check_row(vhost_user_head_decode(&head, bytes, NULL) == cases[i].ok, cases[i].what);
    }
}

static void payloads_are_decoded(void **state)
{
    struct vhost_user_msg msg;
    const uint64_t features = 0x140000000;
    const uint64_t kick = 1;
    const struct {
        uint32_t index, flags;
        uint64_t words[4];
    } addr = { 1, 0, { 16, 32, 48, 64 } };
    const struct {
        uint32_t n, pad;
        uint64_t words[2][4];
    } table = { 2, 0, { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } } };
    const struct {
        uint32_t words[3];
        char bytes[8];
    } config = { { 0, 8, 0 }, "abcdefgh" };

    assert_true(decode(&msg, VHOST_USER_SET_FEATURES, 9, &features, 8, 0, NULL));
    assert_int_equal(msg.u64, features);
    assert_true(msg.need_reply);
    assert_true(decode(&msg, VHOST_USER_SET_VRING_BASE, 1, (uint32_t[]){ 1, 77 }, 8, 0, NULL));
    assert_int_equal(msg.index, 1);
    assert_int_equal(msg.num, 77);
    assert_false(msg.need_reply);
    assert_true(decode(&msg, VHOST_USER_SET_VRING_KICK, 1, &kick, 8, 1, NULL));
    assert_int_equal(msg.index, 1);
    assert_true(decode(&msg, VHOST_USER_SET_VRING_ADDR, 1, &addr, sizeof(addr), 0, NULL));
    assert_int_equal(msg.index, 1);
    assert_int_equal(msg.addr.desc, 16);
    assert_int_equal(msg.addr.used, 32);
    assert_int_equal(msg.addr.avail, 48);
    assert_true(decode(&msg, VHOST_USER_SET_MEM_TABLE, 1, &table, sizeof(table), 2, NULL));
    assert_int_equal(msg.n_regions, 2);
    assert_int_equal(msg.regions[1].guest_addr, 5);
    assert_int_equal(msg.regions[1].size, 6);
    assert_int_equal(msg.regions[1].user_addr, 7);
    assert_int_equal(msg.regions[1].mmap_offset, 8);
    assert_true(decode(&msg, VHOST_USER_GET_CONFIG, 1, &config, sizeof(config), 0, NULL));
    assert_int_equal(msg.config.n, 8);
    assert_memory_equal(msg.config.p, "abcdefgh", 8);
}

static void every_cut_is_refused(void **state)
{
    static const char bytes[VHOST_USER_PAYLOAD_LEN_MAX] = { 2, 0, 0, 0, 16, 0, 0, 0 };
    static const struct {
        uint32_t request;
        size_t n, n_fds;
    } cases[] = {
        { VHOST_USER_SET_FEATURES, 8, 0 },   { VHOST_USER_SET_VRING_NUM, 8, 0 },
        { VHOST_USER_SET_VRING_ADDR, 40, 0 }, { VHOST_USER_SET_MEM_TABLE, 72, 2 },
        { VHOST_USER_GET_CONFIG, 28, 0 },    { VHOST_USER_SET_VRING_CALL, 8, 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vhost_user_msg msg;

        for (size_t n = 0; n < cases[i].n; n++)
            check_row(!decode(&msg, cases[i].request, 1, bytes, n, cases[i].n_fds, NULL),
                      vhost_user_request_name(cases[i].request));
        check_row(decode(&msg, cases[i].request, 1, bytes, cases[i].n, cases[i].n_fds, NULL),
                  vhost_user_request_name(cases[i].request));
    }
}

static void descriptors_are_counted(void **state)
{
    const uint64_t no_fd = VHOST_USER_VRING_NO_FD | 1, with_fd = 1;
    struct vhost_user_msg msg;

    assert_false(decode(&msg, VHOST_USER_GET_FEATURES, 1, NULL, 0, 1, NULL));
    assert_false(decode(&msg, VHOST_USER_SET_VRING_KICK, 1, &with_fd, 8, 0, NULL));
    assert_false(decode(&msg, VHOST_USER_SET_VRING_KICK, 1, &with_fd, 8, 2, NULL));
    assert_false(decode(&msg, VHOST_USER_SET_VRING_KICK, 1, &no_fd, 8, 1, NULL));
    assert_true(decode(&msg, VHOST_USER_SET_VRING_KICK, 1, &no_fd, 8, 0, NULL));
    assert_int_equal(msg.index, 1);
}

static void too_much_is_refused(void **state)
{
    static const char regions[VHOST_USER_PAYLOAD_LEN_MAX] = { VHOST_USER_REGIONS_MAX + 1 };
    static const uint32_t config[] = { 0, VHOST_USER_CONFIG_LEN_MAX + 1, 0 };
    char long_config[VHOST_USER_PAYLOAD_LEN_MAX] = { 0 };
    struct vhost_user_msg msg;

    memcpy(long_config, config, sizeof(config));
    assert_false(decode(&msg, VHOST_USER_SET_MEM_TABLE, 1, regions, sizeof(regions),
                        VHOST_USER_REGIONS_MAX, NULL));
    assert_false(decode(&msg, VHOST_USER_GET_CONFIG, 1, long_config, sizeof(long_config), 0, NULL));
}

static void unknown_requests_are_told_apart(void **state)
{
    static const uint32_t unknown[] = { 0, 6, 21, 31, 35, 40, 1000, UINT32_MAX };

    for (size_t i = 0; i < COUNT(unknown); i++) {
        auto_err struct err *err = NULL;
        struct vhost_user_msg msg;

        assert_false(decode(&msg, unknown[i], 1, NULL, 0, 0, &err));
        assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
        assert_false(vhost_user_has_answer(unknown[i]));
    }
}

static void answers_have_the_layout_of_the_protocol(void **state)
{
    uint8_t out[VHOST_USER_HEAD_LEN + VHOST_USER_PAYLOAD_LEN_MAX];
    uint32_t words[8];

    assert_int_equal(vhost_user_answer_u64(out, VHOST_USER_GET_FEATURES, 0x1122334455), 20);
    memcpy(words, out, 20);
    assert_int_equal(words[0], VHOST_USER_GET_FEATURES);
    assert_int_equal(words[1], VHOST_USER_VERSION | VHOST_USER_REPLY);
    assert_int_equal(words[2], 8);
    assert_int_equal(words[3], 0x22334455);
    assert_int_equal(vhost_user_answer_state(out, VHOST_USER_GET_VRING_BASE, 1, 9), 20);
    memcpy(words, out, 20);
    assert_int_equal(words[3], 1);
    assert_int_equal(words[4], 9);
    assert_int_equal(vhost_user_answer_config(out, 2, 0, SV("abc")), 27);
    memcpy(words, out, 24);
    assert_int_equal(words[2], 15);
    assert_int_equal(words[3], 2);
    assert_int_equal(words[4], 3);
    assert_memory_equal(out + 24, "abc", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_checked),
        cmocka_unit_test(payloads_are_decoded),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(descriptors_are_counted),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(unknown_requests_are_told_apart),
        cmocka_unit_test(answers_have_the_layout_of_the_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
