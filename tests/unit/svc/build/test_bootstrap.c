#include "svc/build/bootstrap.h"

#include <string.h>

#include "svc/build/bootstrap_log.h"

#include "unit_test.h"

static struct bootstrap_plan make_plan(const char *recipe, const char *arch)
{
    return (struct bootstrap_plan){
        .recipe = recipe_find(recipe),
        .arch = recipe_arch_find(arch, NULL),
        .script = "script",
        .sources = "",
    };
}

static void recipes_that_only_unpack_need_no_rights(void **state)
{
    struct bootstrap_plan plan = make_plan("micro", "aarch64");
    auto_strv struct strv argv = { 0 };

    bootstrap_argv(&plan, &argv);
    assert_true(strv_has(&argv, "--mode=chrootless"));
    assert_true(strv_has(&argv, "--extract-hook=script"));
    assert_true(strv_has(&argv, "--architectures=arm64"));
    assert_string_equal(argv.v[argv.n - 2], "bookworm");
    assert_string_equal(argv.v[argv.n - 1], "-");
}

static void sources_come_from_standard_input_unless_a_mirror_is_named(void **state)
{
    struct bootstrap_plan plan = make_plan("micro", "x86_64");
    auto_strv struct strv with_sources = { 0 };
    auto_strv struct strv with_mirror = { 0 };

    plan.sources = "Types: deb\n";
    bootstrap_argv(&plan, &with_sources);
    assert_string_equal(with_sources.v[with_sources.n - 1], "-");
    assert_string_equal(with_sources.v[with_sources.n - 2], "-");
    plan.mirror = "http://mirror";
    bootstrap_argv(&plan, &with_mirror);
    assert_string_equal(with_mirror.v[with_mirror.n - 1], "http://mirror");
    assert_string_equal(with_mirror.v[with_mirror.n - 2], "-");
}

static void unknown_architectures_and_recipes_are_named(void **state)
{
    auto_err struct err *err = NULL;

    assert_null(recipe_arch_find("s390x", &err));
    assert_int_equal(err_kind(err), ERR_UNSUPPORTED);
    assert_null(recipe_find("arch-linux"));
}

static void the_output_tells_phase_and_progress(void **state)
{
    struct bootstrap_log log = { 0 };

    assert_true(bootstrap_log_line(&log, SV("I: downloading packages with apt...")));
    assert_int_equal(log.phase, BOOTSTRAP_DOWNLOAD);
    assert_true(bootstrap_log_line(
        &log, SV("0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.")));
    assert_int_equal(log.total, 3);
    for (int i = 0; i < 5; i++)
        assert_true(bootstrap_log_line(&log, SV("Get:1 http://m bookworm/main amd64 x [1 B]\r")));
    assert_int_equal(log.done, 3);
    assert_true(bootstrap_log_line(&log, SV("I: running --customize-hook in shell: sh -c 'x")));
    assert_int_equal(log.phase, BOOTSTRAP_PACK);
    assert_int_equal(log.total, 0);
    bootstrap_log_done(&log);
}

static void the_best_reason_wins(void **state)
{
    static const struct {
        const char *lines, *reason;
    } cases[] = {
        { "I: x\nE: no such suite\nE: mmdebstrap failed to run", "no such suite" },
        { "Err:1 http://m InRelease\nE: Failed to fetch http://m  Could not connect\nE: apt-get failed",
          "Failed to fetch http://m  Could not connect" },
        { "micro: the packages lack /x\nE: command failed: # script\nE: y", "micro: the packages lack /x" },
        { "I: hook: sh -c '# script\nlast line of it\n' exec /tmp/x\nmke2fs: odd\n"
          "E: setup failed: E: command failed: # script\nlast line of it",
          "mke2fs: odd" },
        { "micro: odd\nE: a\ntar: x: No space left on device\nE: command failed: z",
          "tar: x: No space left on device" },
        { "dpkg: error processing \033[31mx", "dpkg: error processing \\x1b[31mx" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bootstrap_log log = { 0 };
        struct sv rest = sv_of(cases[i].lines);
        struct sv line;

        while (sv_next(&rest, '\n', &line))
            (void)bootstrap_log_line(&log, line);
        assert_non_null(log.reason);
        assert_string_equal(log.reason, cases[i].reason);
        bootstrap_log_done(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipes_that_only_unpack_need_no_rights),
        cmocka_unit_test(sources_come_from_standard_input_unless_a_mirror_is_named),
        cmocka_unit_test(unknown_architectures_and_recipes_are_named),
        cmocka_unit_test(the_output_tells_phase_and_progress),
        cmocka_unit_test(the_best_reason_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
