#include "svc/dns/resolv_conf.h"

#include "base/sb.h"
#include "unit_test.h"

static void parse(const char *text, struct resolv_conf *out)
{
    resolv_conf_parse(sv_of(text), out);
}

static void an_empty_file_has_the_presets(void **state)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };

    parse("", &conf);
    assert_int_equal(conf.n_servers, 0);
    assert_int_equal(conf.ndots, 1);
    assert_int_equal(conf.attempts, 2);
    assert_int_equal(conf.timeout_s, 0);
    assert_false(conf.rotate || conf.use_tcp || conf.edns0 || conf.trust_ad);
}

static void every_key_is_read(void **state)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };

    parse("# by hand\n; too\n"
          "nameserver 10.0.0.1\n"
          "nameserver\t2001:db8::1  # comment\n"
          "  nameserver fe80::1%eth0\n"
          "nameserver [127.0.0.1]:5353\n"
          "nameserver [::1]\r\n"
          "search a.example. b.example\n"
          "sortlist 10.0.0.0\n"
          "options ndots:3 timeout:7 attempts:4 rotate edns0 trust-ad use-vc inet6\n"
          "nameserver 10.0.0.2",
          &conf);
    assert_int_equal(conf.n_servers, 6);
    assert_string_equal(conf.servers[0].address, "10.0.0.1");
    assert_int_equal(conf.servers[0].port, 53);
    assert_string_equal(conf.servers[1].address, "2001:db8::1");
    assert_string_equal(conf.servers[2].address, "fe80::1%eth0");
    assert_string_equal(conf.servers[3].address, "127.0.0.1");
    assert_int_equal(conf.servers[3].port, 5353);
    assert_string_equal(conf.servers[4].address, "::1");
    assert_string_equal(conf.servers[5].address, "10.0.0.2");
    assert_int_equal(conf.search.n, 2);
    assert_string_equal(conf.search.v[0], "a.example");
    assert_string_equal(conf.search.v[1], "b.example");
    assert_int_equal(conf.ndots, 3);
    assert_int_equal(conf.timeout_s, 7);
    assert_int_equal(conf.attempts, 4);
    assert_true(conf.rotate && conf.use_tcp && conf.edns0 && conf.trust_ad);
}

static void the_last_list_of_domains_counts(void **state)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };

    parse("search a b c\ndomain only.example ignored\n", &conf);
    assert_int_equal(conf.search.n, 1);
    assert_string_equal(conf.search.v[0], "only.example");
    resolv_conf_done(&conf);
    parse("search a\nsearch .\n", &conf);
    assert_int_equal(conf.search.n, 0);
}

static void numbers_are_bounded(void **state)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };

    parse("options ndots:99 timeout:4000 attempts:0", &conf);
    assert_int_equal(conf.ndots, RESOLV_NDOTS_MAX);
    assert_int_equal(conf.timeout_s, RESOLV_TIMEOUT_MAX_S);
    assert_int_equal(conf.attempts, 1);
    resolv_conf_done(&conf);
    parse("options ndots:-1 timeout:x attempts: ndots:4294967296", &conf);
    assert_int_equal(conf.ndots, 1);
    assert_int_equal(conf.timeout_s, 0);
    assert_int_equal(conf.attempts, 2);
}

static void there_are_not_more_servers_than_fit(void **state)
{
    auto_resolv_conf struct resolv_conf conf = { 0 };
    auto_sb struct sb text = { 0 };

    for (int i = 0; i < 100; i++)
        sb_putf(&text, "nameserver 10.0.0.%d\nsearch%s", i, i == 99 ? "" : "\n");
    for (int i = 0; i < 100; i++)
        sb_putf(&text, " d%d.example", i);
    parse(sb_str(&text), &conf);
    assert_int_equal(conf.n_servers, RESOLV_SERVERS_MAX);
    assert_int_equal(conf.search.n, RESOLV_SEARCH_MAX);
}

static void what_is_no_address_is_left_out(void **state)
{
    static const char *const cases[] = {
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4:53",
        "[1.2.3.4]:0",
        "[1.2.3.4]:65536",
        "[1.2.3.4]:",
        "[1.2.3.4]53",
        "[]:53",
        "[",
        "]",
        "[1.2.3.4",
        "%eth0",
        "1.2.3.4%eth0",
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    struct resolv_server server;

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(!resolv_server_parse(sv_of(cases[i]), &server), cases[i]);
}

static void text_is_what_was_parsed(void **state)
{
    static const char *const cases[] = { "10.0.0.1", "::1", "[127.0.0.1]:5353", "[fe80::1%e]:1" };
    struct resolv_server server;

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *text = NULL;

        check_row(resolv_server_parse(sv_of(cases[i]), &server), cases[i]);
        text = resolv_server_text(&server);
        assert_string_equal(text, cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_has_the_presets),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(the_last_list_of_domains_counts),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(there_are_not_more_servers_than_fit),
        cmocka_unit_test(what_is_no_address_is_left_out),
        cmocka_unit_test(text_is_what_was_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
