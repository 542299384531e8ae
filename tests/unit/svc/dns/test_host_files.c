#include "svc/dns/host_files.h"

#include <unistd.h>

#include "sys/file.h"
#include "temp_dir.h"
#include "unit_test.h"

static char *conf_path, *hosts_path;

static void put(const char *path, const char *text)
{
    assert_true(file_write_atomic(path, sv_of(text), 0644, NULL));
}

static int setup(void **state)
{
    conf_path = temp_path("resolv.conf");
    hosts_path = temp_path("hosts");
    return 0;
}

static int teardown(void **state)
{
    (void)unlink(conf_path);
    (void)unlink(hosts_path);
    free(conf_path);
    free(hosts_path);
    return 0;
}

static void changes_are_seen_once(void **state)
{
    struct dns_host_files files;

    put(conf_path, "nameserver 10.0.0.1\n");
    put(hosts_path, "10.0.0.9 a\n");
    dns_host_files_init(&files, conf_path, hosts_path);
    assert_string_equal(files.conf.servers[0].address, "10.0.0.1");
    assert_non_null(dns_names_find(&files.hosts, "a"));
    assert_false(dns_host_files_refresh(&files));

    put(conf_path, "nameserver 10.0.0.2\n");
    put(hosts_path, "10.0.0.9 b\n");
    assert_true(dns_host_files_refresh(&files));
    assert_false(dns_host_files_refresh(&files));
    assert_int_equal(files.conf.n_servers, 1);
    assert_string_equal(files.conf.servers[0].address, "10.0.0.2");
    assert_null(dns_names_find(&files.hosts, "a"));
    assert_non_null(dns_names_find(&files.hosts, "b"));
    dns_host_files_done(&files);
}

static void a_link_to_another_file_is_a_change(void **state)
{
    auto_mem char *target = temp_path("stub.conf");
    struct dns_host_files files;

    put(conf_path, "nameserver 10.0.0.1\n");
    put(target, "nameserver 10.0.0.3\n");
    dns_host_files_init(&files, conf_path, hosts_path);
    assert_int_equal(unlink(conf_path), 0);
    assert_int_equal(symlink(target, conf_path), 0);
    assert_true(dns_host_files_refresh(&files));
    assert_string_equal(files.conf.servers[0].address, "10.0.0.3");
    put(target, "nameserver 10.0.0.4\n");
    assert_true(dns_host_files_refresh(&files));
    assert_string_equal(files.conf.servers[0].address, "10.0.0.4");
    assert_int_equal(unlink(target), 0);
    dns_host_files_done(&files);
}

static void a_missing_file_keeps_what_was_there(void **state)
{
    struct dns_host_files files;

    put(conf_path, "nameserver 10.0.0.1\n");
    dns_host_files_init(&files, conf_path, hosts_path);
    assert_int_equal(unlink(conf_path), 0);
    assert_false(dns_host_files_refresh(&files));
    assert_string_equal(files.conf.servers[0].address, "10.0.0.1");
    put(conf_path, "nameserver 10.0.0.1\n");
    assert_true(dns_host_files_refresh(&files));
    dns_host_files_done(&files);
}

static void without_a_file_public_servers_are_used(void **state)
{
    struct dns_host_files files;

    dns_host_files_init(&files, conf_path, hosts_path);
    assert_int_equal(files.conf.n_servers, 2);
    assert_string_equal(files.conf.servers[0].address, "8.8.8.8");
    assert_string_equal(files.conf.servers[1].address, "1.1.1.1");
    put(conf_path, "nameserver 10.0.0.1\n");
    assert_true(dns_host_files_refresh(&files));
    assert_int_equal(files.conf.n_servers, 1);
    dns_host_files_done(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_are_seen_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_to_another_file_is_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_file_keeps_what_was_there, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_file_public_servers_are_used, setup, teardown),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
