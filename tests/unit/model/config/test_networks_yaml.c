#include "model/config/networks_yaml.h"

#include "unit_test.h"

static void without_a_file_there_are_four_networks(void **state)
{
    AUTO_CALL(networks_yaml_done) struct networks_yaml yaml = { 0 };
    const struct network_entry *user;

    assert_true(networks_yaml_load(&yaml, NULL, NULL, NULL));
    assert_int_equal(yaml.networks.n, 4);
    user = networks_yaml_find(&yaml, "user-v2");
    assert_string_equal(user->mode, "user-v2");
    assert_string_equal(user->gateway, "192.168.104.1");
    assert_string_equal(networks_yaml_find(&yaml, "bridged")->interface, "en0");
    assert_null(networks_yaml_find(&yaml, "nosuch"));
}

static void a_user_network_is_always_there(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *gateway;
    } cases[] = {
        { "", 1, "192.168.104.1" },
        { "networks:\n", 1, "192.168.104.1" },
        { "networks: {office: {mode: bridged, interface: en1}}\n", 2, "192.168.104.1" },
        { "networks: {user-v2: {mode: user-v2}}\n", 1, "192.168.104.1" },
        { "networks: {user-v2: {mode: user-v2, gateway: 10.0.0.1}}\n", 1, "10.0.0.1" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_CALL(networks_yaml_done) struct networks_yaml yaml = { 0 };

        check_row(networks_yaml_load(&yaml, cases[i].text, "n.yaml", NULL), cases[i].text);
        check_row(yaml.networks.n == cases[i].n, cases[i].text);
        assert_string_equal(networks_yaml_find(&yaml, "user-v2")->gateway, cases[i].gateway);
    }
}

static void another_user_network_stands_for_the_builtin_one(void **state)
{
    AUTO_CALL(networks_yaml_done) struct networks_yaml yaml = { 0 };

    assert_true(networks_yaml_load(
        &yaml, "networks: {mine: {mode: user-v2, gateway: 10.0.0.1, netmask: 255.0.0.0}}\n",
        "n.yaml", NULL));
    assert_int_equal(yaml.networks.n, 1);
    assert_null(networks_yaml_find(&yaml, "user-v2"));
}

static void errors_name_the_file(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "networks: []", "cannot parse `n.yaml`: line 1: networks: expected a mapping" },
        { "networks: {a: {gateway: x}}",
          "cannot parse `n.yaml`: networks.a: line 1, column 25: gateway: \"x\" is no IP address" },
        { "networks: {a: 1}", "cannot parse `n.yaml`: networks.a: line 1, column 15: expected a "
                              "mapping, found a number" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct networks_yaml yaml = { 0 };
        auto_err struct err *err = NULL;

        check_row(!networks_yaml_load(&yaml, cases[i].text, "n.yaml", &err), cases[i].text);
        assert_string_equal(err_text(err), cases[i].error);
        assert_int_equal(yaml.networks.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_there_are_four_networks),
        cmocka_unit_test(a_user_network_is_always_there),
        cmocka_unit_test(another_user_network_stands_for_the_builtin_one),
        cmocka_unit_test(errors_name_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
