#include "wire/qmp.h"

#include "unit_test.h"

static bool decode_text(const char *text, struct qmp_message *out, struct err **errp)
{
    json_t *doc = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(doc);
    return qmp_decode(doc, out, errp);
}

static void greeting_gives_the_version(void **state)
{
    auto_qmp_message struct qmp_message msg = { 0 };

    assert_true(decode_text(
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7},"
        "\"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}",
        &msg, NULL));
    assert_int_equal(msg.kind, QMP_GREETING);
    assert_int_equal(msg.version.major, 7);
    assert_int_equal(msg.version.minor, 2);
    assert_int_equal(msg.version.patch, 22);
    assert_string_equal(msg.package, "Debian");
}

static void reply_gives_id_and_data(void **state)
{
    auto_qmp_message struct qmp_message msg = { 0 };

    assert_true(decode_text("{\"return\": {\"status\": \"running\"}, \"id\": 7}", &msg, NULL));
    assert_int_equal(msg.kind, QMP_REPLY);
    assert_true(msg.has_id);
    assert_int_equal(msg.id, 7);
    assert_string_equal(json_string_value(json_object_get(msg.data, "status")), "running");
}

static void error_may_lack_an_id(void **state)
{
    auto_qmp_message struct qmp_message msg = { 0 };

    assert_true(decode_text(
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}", &msg, NULL));
    assert_int_equal(msg.kind, QMP_ERROR);
    assert_false(msg.has_id);
    assert_string_equal(msg.name, "GenericError");
    assert_string_equal(msg.text, "JSON parse error");
}

static void event_may_lack_data(void **state)
{
    auto_qmp_message struct qmp_message msg = { 0 };

    assert_true(decode_text("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
                            "\"event\": \"POWERDOWN\"}",
                            &msg, NULL));
    assert_int_equal(msg.kind, QMP_EVENT);
    assert_string_equal(msg.name, "POWERDOWN");
    assert_null(msg.data);
}

static void anything_else_breaks_the_protocol(void **state)
{
    static const char *const cases[] = {
        "7",
        "null",
        "[]",
        "{}",
        "{\"hello\": 1}",
        "{\"return\": {}}",
        "{\"return\": {}, \"id\": \"x\"}",
        "{\"return\": {}, \"id\": -1}",
        "{\"error\": {\"class\": \"GenericError\"}, \"id\": 1}",
        "{\"error\": 1, \"id\": 1}",
        "{\"event\": 1}",
        "{\"QMP\": 1}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2}}}}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": -7}}}}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 70000}}}}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct qmp_message msg = { 0 };

        if (decode_text(cases[i], &msg, &err))
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(err_kind(err), ERR_PROTOCOL);
        assert_null(msg.doc);
    }
}

static void commands_are_one_line(void **state)
{
    json_t *args = json_pack("{s:s}", "path", "a\nb");
    auto_mem char *plain = qmp_encode("qmp_capabilities", NULL, 1);
    auto_mem char *with_args = qmp_encode("x", args, 2);

    assert_string_equal(plain, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
    assert_string_equal(with_args,
                        "{\"execute\":\"x\",\"arguments\":{\"path\":\"a\\nb\"},\"id\":2}\n");
    json_decref(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_gives_the_version),
        cmocka_unit_test(reply_gives_id_and_data),
        cmocka_unit_test(error_may_lack_an_id),
        cmocka_unit_test(event_may_lack_data),
        cmocka_unit_test(anything_else_breaks_the_protocol),
        cmocka_unit_test(commands_are_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
