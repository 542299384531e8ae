#include "prog/guestagent/options.h"

#include "base/strv.h"
#include "prog/guestagent/unit.h"
#include "unit_test.h"

static bool parse(const char *line, struct options *out, struct strv *argv, struct err **errp)
{
    strv_push(argv, "lima-guestagent");
    if (line[0])
        strv_split(argv, sv_of(line), ' ');
    return options_parse((int)argv->n, strv_array(argv), out, errp);
}

static void both_notations_are_accepted(void **state)
{
    auto_strv struct strv argv = { 0 };
    struct options o;

    assert_true(
        parse("daemon --runtime-dir /r --vsock-port=99 --virtio-port name --socket-owner 501 "
              "--debug --tick=3s",
              &o, &argv, NULL));
    assert_string_equal(o.verb, "daemon");
    assert_string_equal(o.runtime_dir, "/r");
    assert_string_equal(o.virtio_port, "name");
    assert_int_equal(o.vsock_port, 99);
    assert_int_equal(o.socket_owner, 501);
    assert_true(o.debug);
    assert_false(o.is_updated);
}

static void empty_values_are_defaults(void **state)
{
    auto_strv struct strv argv = { 0 };
    struct options o;

    assert_true(
        parse("--guestagent-updated install-systemd --runtime-dir= --vsock-port= --virtio-port= "
              "--socket-owner=",
              &o, &argv, NULL));
    assert_string_equal(o.verb, "install-systemd");
    assert_string_equal(o.runtime_dir, "/run/lima-guestagent");
    assert_string_equal(o.virtio_port, "");
    assert_int_equal(o.vsock_port, 0);
    assert_int_equal(o.socket_owner, UNIT_OWNER_UNSET);
    assert_true(o.is_updated);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "daemon --vsock-port=x", "--vsock-port cannot be \"x\"" },
        { "daemon --socket-owner=-1", "--socket-owner cannot be \"-1\"" },
        { "daemon --vsock-port", "--vsock-port needs a value" },
        { "daemon --no-such=1", "unknown flag --no-such=1" },
        { "daemon more", "unexpected argument \"more\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv argv = { 0 };
        auto_err struct err *err = NULL;
        struct options o;

        check_row(!parse(cases[i].line, &o, &argv, &err), cases[i].line);
        assert_string_equal(err_text(err), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_notations_are_accepted),
        cmocka_unit_test(empty_values_are_defaults),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
