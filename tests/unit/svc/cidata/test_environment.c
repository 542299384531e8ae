#include "svc/cidata/cidata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"

static void proxies_are_seen_from_the_guest(void **state)
{
    static const struct {
        const char *host, *guest; /* NULL: no such line */
    } cases[] = {
        { "http_proxy=http://proxy:3128",
          "HTTP_PROXY=http://proxy:3128 http_proxy=http://proxy:3128" },
        { "http_proxy=http://localhost:3128",
          "HTTP_PROXY=http://10.0.0.1:3128 http_proxy=http://10.0.0.1:3128" },
        { "https_proxy=http://u:p@127.1.2.3/x?y@z",
          "HTTPS_PROXY=http://u:p@10.0.0.1/x?y@z https_proxy=http://u:p@10.0.0.1/x?y@z" },
        { "FTP_PROXY=http://[::1]:21",
          "FTP_PROXY=http://10.0.0.1:21 ftp_proxy=http://10.0.0.1:21" },
        { "http_proxy=http://[fe80::1]:21",
          "HTTP_PROXY=http://[fe80::1]:21 http_proxy=http://[fe80::1]:21" },
        { "http_proxy=localhost:80", "HTTP_PROXY=10.0.0.1:80 http_proxy=10.0.0.1:80" },
        { "no_proxy=localhost", "NO_PROXY=localhost no_proxy=localhost" },
        { "http_proxy=", "" },
        { "all_proxy=http://x", "" },
        { "http_proxy=http://[::1", "HTTP_PROXY=http://10.0.0.1 http_proxy=http://10.0.0.1" },
        { "http_proxy=http://", "HTTP_PROXY=http:// http_proxy=http://" },
    };
    struct instance_config config = { .propagate_proxy_env = { true, true } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *const host_environ[] = { (char *)cases[i].host, NULL };
        auto_strv struct strv out = { 0 };

        cidata_environment(&config, host_environ, "10.0.0.1", &out);

        auto_mem char *got = strv_join(&out, " ");

        assert_string_equal(got, cases[i].guest);
    }
}

static void lower_case_wins(void **state)
{
    struct instance_config config = { .propagate_proxy_env = { true, true } };
    char *const host_environ[] = { "HTTP_PROXY=http://a", "http_proxy=http://b", NULL };
    auto_strv struct strv out = { 0 };

    cidata_environment(&config, host_environ, "10.0.0.1", &out);
    assert_int_equal(out.n, 2);
    assert_string_equal(out.v[0], "HTTP_PROXY=http://b");
}

static void host_is_left_out_unless_it_is_to_be_propagated(void **state)
{
    struct field_map_entry entry = { "A", "1" };
    struct instance_config config = { .env = { &entry, 1, 1 },
                                      .propagate_proxy_env = { true, false } };
    char *const host_environ[] = { "http_proxy=http://b", NULL };
    auto_strv struct strv out = { 0 };

    cidata_environment(&config, host_environ, "10.0.0.1", &out);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.v[0], "A=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies_are_seen_from_the_guest),
        cmocka_unit_test(lower_case_wins),
        cmocka_unit_test(host_is_left_out_unless_it_is_to_be_propagated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
