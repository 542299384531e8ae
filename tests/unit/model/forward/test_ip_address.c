#include "model/forward/ip_address.h"

#include <string.h>

#include "unit_test.h"

static void texts_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *written; /* NULL: no address */
    } cases[] = {
        { "127.0.0.1", "127.0.0.1:80" },
        { "0.0.0.0", "0.0.0.0:80" },
        { "::", "[::]:80" },
        { "::1", "[::1]:80" },
        { "fe80::0001", "[fe80::1]:80" },
        { "::ffff:10.0.0.1", "10.0.0.1:80" },
        { "localhost", NULL },
        { "", NULL },
        { "127.0.0.1:80", NULL },
        { "[::1]", NULL },
        { "127.1", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_address ip;
        auto_sb struct sb text = { 0 };
        bool ok = ip_address_parse(cases[i].text, &ip);

        check_row(ok == (cases[i].written != NULL), cases[i].text);
        if (!ok)
            continue;
        ip_address_put(&text, &ip, 80);
        assert_string_equal(sb_str(&text), cases[i].written);
    }
}

static void bytes_of_other_lengths_are_refused(void **state)
{
    struct ip_address ip;

    assert_false(ip_address_from_bytes(SV(""), &ip));
    assert_false(ip_address_from_bytes(SV("abc"), &ip));
    assert_false(ip_address_from_bytes(SV("12345678901234567"), &ip));
    assert_true(
        ip_address_from_bytes((struct sv){ "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16 }, &ip));
    assert_int_equal(ip.n, 4);
    assert_int_equal(ip_address_bytes(&ip).n, 4);
}

static void only_zeros_are_unspecified(void **state)
{
    struct ip_address ip;

    assert_true(ip_address_parse("0.0.0.0", &ip) && ip_address_is_unspecified(&ip));
    assert_true(ip_address_parse("::", &ip) && ip_address_is_unspecified(&ip));
    assert_true(ip_address_parse("::1", &ip) && !ip_address_is_unspecified(&ip));
    assert_true(ip_address_parse("0.0.0.1", &ip) && !ip_address_is_unspecified(&ip));
    ip = (struct ip_address){ 0 };
    assert_false(ip_address_is_unspecified(&ip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_and_written),
        cmocka_unit_test(bytes_of_other_lengths_are_refused),
        cmocka_unit_test(only_zeros_are_unspecified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
