#include "wire/privileged.h"

#include "base/mem.h"
#include "unit_test.h"

#define NONCE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void request_reads_back(void **state)
{
    const struct privileged_request put = { SV(NONCE), SV("/home/u/.lima/a b/block-device.sock") };
    auto_sb struct sb text = { 0 };
    struct privileged_request got;

    privileged_request_put(&text, &put);
    assert_true(privileged_request_decode(sb_view(&text), &got, NULL));
    assert_true(sv_eq(got.nonce, put.nonce));
    assert_true(sv_eq(got.socket_path, put.socket_path));
}

static void other_requests_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "\n",
        NONCE,
        NONCE "\n",
        NONCE " \n",
        NONCE " /s", /* no end */
        NONCE " relative\n",
        NONCE " /a/../s\n",
        NONCE " /a//s\n",
        NONCE " /a/s\n\n",
        NONCE " /a\x01s\n",
        NONCE "0 /s\n",
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef /s\n",
        " /s\n",
        NONCE
        " /1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
        "90123456789012345678\n",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct privileged_request got;

        check_row(!privileged_request_decode(sv_of(cases[i]), &got, &err), cases[i]);
        assert_int_equal(err_kind(err), ERR_PROTOCOL);
    }
}

static void a_nul_byte_is_no_digit(void **state)
{
    char text[] = NONCE " /s\n";
    struct privileged_request got;

    text[5] = '\0';
    assert_false(privileged_request_decode((struct sv){ text, sizeof(text) - 1 }, &got, NULL));
}

static void nonce_is_hexadecimal(void **state)
{
    unsigned char bytes[PRIVILEGED_NONCE_LEN / 2];
    char text[PRIVILEGED_NONCE_LEN + 1];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 8 + 7);
    privileged_nonce_put(bytes, text);
    assert_string_equal(text, "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_reads_back),
        cmocka_unit_test(other_requests_are_refused),
        cmocka_unit_test(a_nul_byte_is_no_digit),
        cmocka_unit_test(nonce_is_hexadecimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
