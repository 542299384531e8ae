#include "prog/hostagent/options.h"

#include <stdlib.h>

#include "base/strv.h"
#include "unit_test.h"

static bool parse(const char *line, struct options *out, struct strv *argv, struct err **errp)
{
    strv_split(argv, sv_of(line), ' ');
    return options_parse(out, strv_array(argv), errp);
}

static void takes_what_limactl_gives(void **state)
{
    auto_strv struct strv argv = { 0 };
    struct options opts;

    assert_true(parse("hostagent --debug --pidfile /d/ha.pid --socket /d/ha.sock --run-gui "
                      "--guestagent /p/agent --nerdctl-archive=/c/data --progress default",
                      &opts, &argv, NULL));
    assert_true(opts.debug && opts.run_gui && opts.progress);
    assert_string_equal(opts.pid_path, "/d/ha.pid");
    assert_string_equal(opts.socket_path, "/d/ha.sock");
    assert_string_equal(opts.guest_agent, "/p/agent");
    assert_string_equal(opts.nerdctl_archive, "/c/data");
    assert_string_equal(opts.name, "default");
}

static void flags_may_follow_the_name(void **state)
{
    auto_strv struct strv argv = { 0 };
    struct options opts;

    assert_true(parse("hostagent x -p /p --socket=/s --debug=false", &opts, &argv, NULL));
    assert_string_equal(opts.name, "x");
    assert_string_equal(opts.pid_path, "/p");
    assert_false(opts.debug);
}

static void bad_lines_are_refused_by_name(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "hostagent x", "socket must be specified (limactl version mismatch?)" },
        { "hostagent --socket= x", "socket must be specified (limactl version mismatch?)" },
        { "hostagent --socket /s", "the name of an instance is expected" },
        { "hostagent --socket /s x y", "one instance is expected, not also \"y\"" },
        { "hostagent --bogus=1 x", "unknown flag: --bogus" },
        { "hostagent x --socket", "flag needs an argument: --socket" },
        { "hostagent --debug=maybe --socket /s x", "--debug: \"maybe\" is neither true nor false" },
        { "hostagent --socket /s -- --debug x", "one instance is expected, not also \"x\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_strv struct strv argv = { 0 };
        auto_err struct err *err = NULL;
        struct options opts;

        check_row(!parse(cases[i].line, &opts, &argv, &err), cases[i].line);
        assert_int_equal(err_kind(err), ERR_INVALID);
        assert_string_equal(err_text(err), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_limactl_gives),
        cmocka_unit_test(flags_may_follow_the_name),
        cmocka_unit_test(bad_lines_are_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
