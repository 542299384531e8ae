#include "driver/qemu/features.h"

#include "base/mem.h"
#include "unit_test.h"

/* As recorded from QEMU 7.2.22 of Debian 12, with one feature less. */
static const char answers[] =
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": "
    "\"Debian 1:7.2+dfsg-7+deb12u18+b3\"}, \"capabilities\": [\"oob\"]}}\n"
    "{\"return\": {}, \"id\": 1}\n"
    "{\"return\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "
    "\"package\": \"Debian\"}, \"id\": 2}\n"
    "{\"return\": [{\"name\": \"tcg-accel\", \"parent\": \"accel\"}], \"id\": 3}\n"
    "{\"return\": [{\"name\": \"kvm-accel\", \"parent\": \"accel\"}], \"id\": 4}\n"
    "{\"return\": [], \"id\": 5}\n"
    "{\"return\": [{\"name\": \"vhost-user-fs-pci\", \"parent\": \"x\"}], \"id\": 6}\n"
    "{\"return\": [{\"name\": \"memory-backend-memfd\", \"parent\": \"memory-backend\"}], \"id\": "
    "7}\n"
    "{\"id\": 8, \"error\": {\"class\": \"GenericError\", \"desc\": \"invalid option name: "
    "sandbox\"}}\n"
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 3}, \"event\": \"SHUTDOWN\", \"data\": "
    "{}}\n"
    "{\"return\": [{\"name\": \"virtio-9p-pci\", \"parent\": \"x\"}], \"id\": 9}\n"
    "{\"return\": {}, \"id\": 10}\n";

static void answers_are_found_by_id(void **state)
{
    struct qemu_features f = { 0 };

    assert_true(qemu_features_parse(sv_of(answers), &f, NULL));
    assert_int_equal(f.version.major, 7);
    assert_int_equal(f.version.patch, 22);
    assert_true(f.tcg && f.kvm && f.fs && f.memfd && f.ninep);
    assert_false(f.vsock || f.sandbox);
}

static void output_without_a_version_is_refused(void **state)
{
    static const char *const cases[] = { "", "{\"return\": {}, \"id\": 1}\n",
                                         "Segmentation fault\n" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct qemu_features f;

        check_row(!qemu_features_parse(sv_of(cases[i]), &f, &err), cases[i]);
        assert_int_equal(err_kind(err), ERR_PROTOCOL);
    }
}

static void names_survive_a_round_trip(void **state)
{
    struct qemu_features f = { 0 }, again = { 0 };

    assert_true(qemu_features_parse(sv_of(answers), &f, NULL));

    auto_mem char *text = qemu_features_format(&f);

    assert_string_equal(text, "tcg kvm fs memfd ninep");
    qemu_features_scan(SV("kvm of the future tcg"), &again);
    assert_true(again.kvm && again.tcg);
    assert_false(again.fs);
}

static void questions_end_with_quit(void **state)
{
    auto_mem char *text = qemu_features_questions();

    assert_true(str_starts(text, "{\"execute\":\"qmp_capabilities\""));
    assert_true(str_ends(text, "{\"execute\":\"quit\",\"id\":10}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_found_by_id),
        cmocka_unit_test(output_without_a_version_is_refused),
        cmocka_unit_test(names_survive_a_round_trip),
        cmocka_unit_test(questions_end_with_quit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
