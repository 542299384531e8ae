#include "sys/host.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "unit_test.h"

static void finds_name_servers_in_resolv_conf(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "", "" },
        { "nameserver 10.0.0.1\nnameserver\t8.8.8.8\n", "10.0.0.1,8.8.8.8" },
        { "nameserver 127.0.0.53\noptions edns0\n", "" },
        { "nameserver ::1\nnameserver 2001:db8::1", "2001:db8::1" },
        { "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nsearch nameserver\n", "" },
        { "nameserver 9.9.9.9 # quad\r\n  nameserver 1.1.1.1#x\n", "9.9.9.9,1.1.1.1" },
        { "nameserver\nnameservers 1.2.3.4\nnameserver fe80::1%eth0\n", "fe80::1%eth0" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv found = { 0 };
        auto_mem char *joined = NULL;

        host_dns_parse(cases[i].text, &found);
        joined = strv_join(&found, ",");
        check_row(strcmp(joined, cases[i].expected) == 0, cases[i].text);
    }
}

static void time_zone_of_the_environment_wins(void **state)
{
    static const struct {
        const char *tz, *expected;
    } cases[] = {
        { "Europe/Berlin", "Europe/Berlin" },
        { ":Asia/Tokyo", "Asia/Tokyo" },
        { "/usr/share/zoneinfo/America/Lima", "America/Lima" },
        { ":/usr/share/zoneinfo/UTC", "UTC" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *zone = NULL;

        assert_int_equal(setenv("TZ", cases[i].tz, 1), 0);
        zone = host_timezone();
        check_row(zone && strcmp(zone, cases[i].expected) == 0, cases[i].tz);
    }
    assert_int_equal(unsetenv("TZ"), 0);
}

static void data_of_a_zone_stays_in_its_directory(void **state)
{
    static const struct {
        const char *zone;
        bool found;
    } cases[] = {
        { "Europe/Berlin", true }, { "Alias", true },   { "../secret", false },
        { "outside", false },      { "Europe", false }, { "no/such", false },
        { "tab", false },          { "", false },
    };
    auto_mem char *top = NULL;

    assert_true(dir_make_temp("/tmp/test-host-", &top, NULL));
    auto_mem char *zones = path_join(top, "zones");
    auto_mem char *europe = path_join(zones, "Europe");
    auto_mem char *berlin = path_join(europe, "Berlin");
    auto_mem char *tab = path_join(zones, "tab");
    auto_mem char *secret = path_join(top, "secret");
    auto_mem char *alias = path_join(zones, "Alias");
    auto_mem char *outside = path_join(zones, "outside");

    assert_true(dir_make_all(europe, 0700, NULL));
    assert_true(file_write_atomic(berlin, SV("TZif2"), 0600, NULL));
    assert_true(file_write_atomic(secret, SV("TZif2"), 0600, NULL));
    assert_true(file_write_atomic(tab, SV("# zones"), 0600, NULL));
    assert_int_equal(symlink("Europe/Berlin", alias), 0);
    assert_int_equal(symlink("../secret", outside), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb data = { 0 };

        check_row(host_zone_data(zones, cases[i].zone, &data) == cases[i].found, cases[i].zone);
        check_row(data.n == (cases[i].found ? 5 : 0), cases[i].zone);
    }
    assert_true(dir_remove_tree(top, NULL));
}

static void facts_are_plausible(void **state)
{
    auto_mem char *boot_id = NULL;
    auto_mem char *name = host_name();

    assert_true(host_cpus() >= 1);
    assert_true(host_memory() > 1024 * 1024);
    assert_string_equal(host_os(), "linux");
    assert_true(strlen(name) > 0);
    assert_true(host_boot_id(&boot_id, NULL));
    assert_int_equal(strlen(boot_id), 36);
}

static void clocks_do_not_go_back(void **state)
{
    uint64_t monotonic = host_monotonic_ns(), boottime = host_boottime_ns();

    assert_true(host_monotonic_ns() >= monotonic);
    assert_true(host_boottime_ns() >= boottime);
    assert_true(host_boottime_ns() >= monotonic);
    assert_true(host_realtime_ns() > INT64_C(1600000000) * 1000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_name_servers_in_resolv_conf),
        cmocka_unit_test(time_zone_of_the_environment_wins),
        cmocka_unit_test(data_of_a_zone_stays_in_its_directory),
        cmocka_unit_test(facts_are_plausible),
        cmocka_unit_test(clocks_do_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
