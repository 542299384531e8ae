/* What the golden cases in tests/golden/config cannot show. */
#include "model/config/config.h"

#include "base/mem.h"
#include "lang/json/json.h"
#include "model/config/identifier.h"

#include "config_host.h"
#include "unit_test.h"

static bool load(struct instance_config *out, const char *yaml, struct err **errp)
{
    AUTO_CALL(config_env_done) struct config_env env = config_host("/home/u/.lima");
    struct config_input in = { .name = "default",
                               .dir = "/home/u/.lima/default",
                               .path = "/home/u/.lima/default/lima.yaml",
                               .text = sv_of(yaml) };

    return config_load(out, &env, &in, NULL, errp) && config_check(out, &env, errp);
}

static void derived_names_have_the_known_values(void **state)
{
    struct host_facts host = { .machine_id = (char[]){ "0123456789abcdef0123456789abcdef" } };
    auto_mem char *primary = config_primary_mac(&host, "/home/u/.lima/default");
    auto_mem char *zero = config_network_mac(&host, "/home/u/.lima/default/lima.yaml", 0);
    auto_mem char *one = config_network_mac(&host, "/home/u/.lima/default/lima.yaml", 1);
    auto_mem char *hostname = config_hostname("my_example.com");
    struct mount_config home = { .location = (char[]){ "/home/u" },
                                 .mount_point = (char[]){ "/home/u" } };
    struct mount_config other = { .location = (char[]){ "/home/u" },
                                  .mount_point = (char[]){ "/mnt/h" } };
    auto_mem char *home_tag = config_mount_tag(&home), *other_tag = config_mount_tag(&other);

    assert_string_equal(primary, "52:55:55:f7:b6:d7");
    assert_string_equal(zero, "52:55:55:36:6f:e4");
    assert_string_equal(one, "52:55:55:9d:19:68");
    assert_string_equal(hostname, "lima-my-example-com");
    assert_string_equal(home_tag, "lima-f872001c91a4f2cf");
    assert_string_equal(other_tag, "lima-c5a819072a3532f2");
}

static void versions_compare_by_their_numbers(void **state)
{
    static const struct {
        const char *version, *than;
        bool older;
    } cases[] = {
        { NULL, "99.0.0", false },
        { "", "0.0.1", true },
        { "2.0.9", "2.1.0", true },
        { "v2.0.9", "2.1.0", true },
        { "2.1.0", "2.1.0", false },
        { "2.1.0-rc.1", "2.1.0", false },
        { "2.2.0+clima.0.1.0", "2.1.0", false },
        { "HEAD-abc", "2.1.0", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(config_version_is_older(cases[i].version, cases[i].than) == cases[i].older,
                  cases[i].version ? cases[i].version : "(new)");
}

static void identifiers_are_groups_with_single_separators(void **state)
{
    static const char *const good[] = { "a", "0", "A.b_c-9", "default" };
    static const char *const bad[] = {
        "", ".", "a.", "-a", "a--b", "a b", "a/b", "\xc3\xa4", "a\n"
    };
    char longest[78] = { 0 };

    for (size_t i = 0; i < COUNT(good); i++)
        check_row(identifier_check(good[i], NULL), good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        check_row(!identifier_check(bad[i], NULL), bad[i]);
    memset(longest, 'a', 76);
    assert_true(identifier_check(longest, NULL));
    longest[76] = 'a';
    assert_false(identifier_check(longest, NULL));
}

static void json_has_every_section_even_empty(void **state)
{
    static const char *const sections[] = { "ssh",          "firmware", "audio",
                                            "video",        "user",     "containerd",
                                            "hostResolver", "caCerts",  "rosetta" };
    auto_config struct instance_config config = { 0 };
    auto_json json_t *json = NULL;
    const json_t *mount;

    assert_true(load(&config, "images: [{location: /a}]\nmounts: [{location: /srv}]\n", NULL));
    json = config_to_json(&config);
    for (size_t i = 0; i < COUNT(sections); i++)
        check_row(json_is_object(json_object_get(json, sections[i])), sections[i]);
    mount = json_array_get(json_object_get(json, "mounts"), 0);
    assert_true(json_is_object(json_object_get(mount, "virtiofs")));
    assert_true(json_is_object(json_object_get(mount, "9p")));
    assert_int_equal(json_object_size(json_object_get(json, "rosetta")), 0);
    assert_null(json_object_get(json, "networks"));
}

static void resolved_sizes_are_in_bytes(void **state)
{
    auto_config struct instance_config config = { 0 };

    assert_true(load(&config, "images: [{location: /a}]\ndisk: 1.5GiB\n", NULL));
    assert_true(config.disk.bytes == UINT64_C(3) << 29);
    assert_true(config.memory.bytes == UINT64_C(2) << 30);
    assert_string_equal(config.memory.text, "2GiB");
}

static void a_failed_load_leaves_nothing(void **state)
{
    auto_config struct instance_config config = { 0 };
    struct instance_config zero = { 0 };
    auto_err struct err *err = NULL;

    assert_false(load(&config, "images: [{location: /a}]\nmounts: [{location: [1]}]\n", &err));
    assert_memory_equal(&config, &zero, sizeof(zero));
}

static void yaml_beyond_the_limit_is_refused(void **state)
{
    size_t n = (size_t)20 << 20;
    auto_mem char *text = mem_alloc(n + 1);
    auto_config struct instance_config config = { 0 };
    auto_err struct err *err = NULL;

    memset(text, '#', n);
    assert_false(load(&config, text, &err));
    assert_int_equal(err_kind(err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derived_names_have_the_known_values),
        cmocka_unit_test(versions_compare_by_their_numbers),
        cmocka_unit_test(identifiers_are_groups_with_single_separators),
        cmocka_unit_test(json_has_every_section_even_empty),
        cmocka_unit_test(resolved_sizes_are_in_bytes),
        cmocka_unit_test(a_failed_load_leaves_nothing),
        cmocka_unit_test(yaml_beyond_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
