#include "svc/dns/names.h"

#include "base/mem.h"
#include "unit_test.h"

static void has_address(const struct dns_names *names, const char *key, size_t i, const char *text)
{
    const struct dns_name *name = dns_names_find(names, key);
    struct ip_address ip;

    check_row(name && i < name->addresses.n, key);
    assert_true(ip_address_parse(text, &ip));
    check_row(ip_address_eq(&name->addresses.v[i], &ip), key);
}

static void keys_are_lower_case_without_the_root(void **state)
{
    static const struct {
        const char *text, *key;
    } cases[] = {
        { "a", "a" },
        { "WWW.Example.COM.", "www.example.com" },
        { "x_y-1.b", "x_y-1.b" },
        { "", NULL },
        { ".", NULL },
        { "a..b", NULL },
        { ".a", NULL },
        { "0123456789012345678901234567890123456789012345678901234567890123", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *key = dns_name_key(sv_of(cases[i].text));

        check_row(str_eq(key, cases[i].key), cases[i].text);
    }
    assert_null(dns_name_key((struct sv){ "a\0b", 3 }));
}

static void a_name_has_an_address_or_another_name(void **state)
{
    struct dns_names names = { 0 };

    assert_true(dns_names_set(&names, "A.example.", "10.0.0.1", NULL));
    assert_true(dns_names_set(&names, "b", "2001:db8::1", NULL));
    assert_true(dns_names_set(&names, "c", "A.Example", NULL));
    has_address(&names, "a.example", 0, "10.0.0.1");
    has_address(&names, "b", 0, "2001:db8::1");
    assert_string_equal(dns_names_find(&names, "c")->alias, "a.example");
    assert_null(dns_names_find(&names, "d"));
    dns_names_done(&names);
}

static void the_last_one_counts(void **state)
{
    struct dns_names names = { 0 };

    assert_true(dns_names_set(&names, "a", "b", NULL));
    assert_true(dns_names_set(&names, "A", "10.0.0.1", NULL));
    assert_null(dns_names_find(&names, "a")->alias);
    has_address(&names, "a", 0, "10.0.0.1");
    dns_names_done(&names);
}

static void what_is_no_name_is_refused(void **state)
{
    struct dns_names names = { 0 };
    auto_err struct err *err = NULL;

    assert_false(dns_names_set(&names, "a..b", "10.0.0.1", &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
    assert_false(dns_names_set(&names, "a", "", NULL));
    assert_false(dns_names_set(&names, "a", "..", NULL));
    assert_null(dns_names_find(&names, "a"));
    dns_names_done(&names);
}

static void addresses_lead_back_to_the_first_name(void **state)
{
    struct dns_names names = { 0 };

    assert_true(dns_names_set(&names, "a", "192.168.5.2", NULL));
    assert_true(dns_names_set(&names, "b", "192.168.5.2", NULL));
    assert_true(dns_names_set(&names, "c", "2001:db8::1", NULL));
    assert_string_equal(dns_names_find_pointer(&names, "2.5.168.192.in-addr.arpa"), "a");
    assert_string_equal(
        dns_names_find_pointer(
            &names, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
        "c");
    assert_null(dns_names_find_pointer(&names, "3.5.168.192.in-addr.arpa"));
    dns_names_done(&names);
}

static void the_hosts_file_is_read(void **state)
{
    struct dns_names names = { 0 };

    dns_names_read_hosts(&names, SV("# none\n"
                                    "10.0.0.1\tdb Db.Example # comment\n"
                                    "  10.0.0.2 db\r\n"
                                    "10.0.0.2 db\n"
                                    "::1 db ..\n"
                                    "nonsense name\n"
                                    "10.0.0.3\n"
                                    "10.0.0.4 #x\n"
                                    "10.0.0.5 last"));
    assert_int_equal(dns_names_find(&names, "db")->addresses.n, 3);
    has_address(&names, "db", 0, "10.0.0.1");
    has_address(&names, "db", 1, "10.0.0.2");
    has_address(&names, "db", 2, "::1");
    has_address(&names, "db.example", 0, "10.0.0.1");
    has_address(&names, "last", 0, "10.0.0.5");
    assert_null(dns_names_find(&names, "name"));
    assert_null(dns_names_find(&names, "x"));
    dns_names_done(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_lower_case_without_the_root),
        cmocka_unit_test(a_name_has_an_address_or_another_name),
        cmocka_unit_test(the_last_one_counts),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(addresses_lead_back_to_the_first_name),
        cmocka_unit_test(the_hosts_file_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
