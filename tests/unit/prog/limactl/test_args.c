#include "prog/limactl/args.h"

#include "base/log.h"

#include "unit_test.h"

struct sample {
    struct arg_bool force, quiet;
    struct arg_str format, name;
    struct arg_int cpus;
    struct arg_u16 port;
    struct arg_float memory;
    struct arg_duration timeout;
    struct arg_list mounts, sets;
};

static const struct opt rows[] = {
    { OPT_AT(BOOL, struct sample, force), .letter = 'f', .name = "force" },
    { OPT_AT(BOOL, struct sample, quiet), .letter = 'q', .name = "quiet" },
    { OPT_AT(STR, struct sample, format), .letter = 'l', .name = "format", .preset = "table" },
    { OPT_AT(STR, struct sample, name), .name = "name" },
    { OPT_AT(INT, struct sample, cpus), .name = "cpus" },
    { OPT_AT(U16, struct sample, port), .name = "ssh-port" },
    { OPT_AT(FLOAT, struct sample, memory), .name = "memory" },
    { OPT_AT(DURATION, struct sample, timeout), .name = "timeout", .preset = "10m0s" },
    { OPT_AT(SLICE, struct sample, mounts), .name = "mount" },
    { OPT_AT(ARRAY, struct sample, sets), .name = "set" },
};

#define MAX_WORDS 8

/* Parses words and leaves the positionals joined by "|" in out. */
static bool parse(struct sample *values, const char *const *words, unsigned flags, char **out,
                  struct err **errp)
{
    struct opt_set set = { rows, COUNT(rows), values };
    auto_strv struct strv positionals = { 0 };

    *values = (struct sample){ 0 };
    if (!args_parse(&set, 1, flags, (char *const *)words, &positionals, errp))
        return false;
    *out = strv_join(&positionals, "|");
    return true;
}

static void done(struct sample *values)
{
    args_done(&(struct opt_set){ rows, COUNT(rows), values }, 1);
}

static void options_and_positionals_mix(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        unsigned flags;
        const char *positionals;
        bool force, quiet;
        const char *format;
    } cases[] = {
        { { "a", "-f", "b" }, 0, "a|b", true, false, "table" },
        { { "-fq", "a" }, 0, "a", true, true, "table" },
        { { "-fl", "json" }, 0, "", true, false, "json" },
        { { "-ljson" }, 0, "", false, false, "json" },
        { { "-l=json" }, 0, "", false, false, "json" },
        { { "--format", "x", "--format=y" }, 0, "", false, false, "y" },
        { { "--format=" }, 0, "", false, false, "" },
        { { "--force=false", "-q=T" }, 0, "", false, true, "table" },
        { { "--force", "false" }, 0, "false", true, false, "table" },
        { { "a", "--", "-f", "--" }, 0, "a|-f|--", false, false, "table" },
        { { "-", "-f" }, 0, "-", true, false, "table" },
        { { "-f", "a", "-q", "--", "b" }, ARGS_STOP_AT_POSITIONAL, "a|-q|--|b", true, false, "table" },
        { { "--", "-q" }, ARGS_STOP_AT_POSITIONAL, "-q", false, false, "table" },
        { { "", "-f" }, 0, "", true, false, "table" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample got;
        auto_mem char *positionals = NULL;

        check_row(parse(&got, cases[i].words, cases[i].flags, &positionals, NULL), cases[i].words[0]);
        assert_string_equal(positionals, cases[i].positionals);
        assert_int_equal(got.force.v, cases[i].force);
        assert_int_equal(got.quiet.v, cases[i].quiet);
        assert_string_equal(got.format.v, cases[i].format);
        done(&got);
    }
}

static void values_are_typed_and_say_whether_given(void **state)
{
    static const char *const words[] = { "--cpus=0x10", "--ssh-port", "60022", "--memory=1.5",
                                         "--timeout=1h30m", NULL };
    struct sample got;
    auto_mem char *positionals = NULL;

    assert_true(parse(&got, words, 0, &positionals, NULL));
    assert_true(got.cpus.set && got.cpus.v == 16);
    assert_true(got.port.set && got.port.v == 60022);
    assert_true(got.memory.set && got.memory.v == 1.5F);
    assert_true(got.timeout.set && got.timeout.ns == 5400LL * 1000000000LL);
    assert_false(got.format.set);
    assert_string_equal(got.name.v, "");
    done(&got);
}

static void presets_count_as_not_given(void **state)
{
    static const char *const words[] = { NULL };
    struct sample got;
    auto_mem char *positionals = NULL;

    assert_true(parse(&got, words, 0, &positionals, NULL));
    assert_false(got.timeout.set);
    assert_true(got.timeout.ns == 600LL * 1000000000LL);
    done(&got);
}

static void slices_split_and_arrays_do_not(void **state)
{
    static const char *const words[] = { "--mount=/a:w,\"/b,c\"", "--mount", "/d", "--set=.a=[1,2]",
                                         "--set", ".b = \"x\"", NULL };
    struct sample got;
    auto_mem char *positionals = NULL;

    assert_true(parse(&got, words, 0, &positionals, NULL));
    auto_mem char *mounts = strv_join(&got.mounts.v, "|");
    auto_mem char *sets = strv_join(&got.sets.v, "|");

    assert_string_equal(mounts, "/a:w|/b,c|/d");
    assert_string_equal(sets, ".a=[1,2]|.b = \"x\"");
    done(&got);
}

static void bad_input_is_named_as_pflag_does(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        const char *message, *hint;
    } cases[] = {
        { { "--foo" }, "unknown flag: --foo", NULL },
        { { "--forze" }, "unknown flag: --forze", "did you mean --force?" },
        { { "-z" }, "unknown shorthand flag: 'z' in -z", NULL },
        { { "-fzq" }, "unknown shorthand flag: 'z' in -zq", NULL },
        { { "--mount" }, "flag needs an argument: --mount", NULL },
        { { "-fl" }, "flag needs an argument: 'l' in -l", NULL },
        { { "--=x" }, "bad flag syntax: --=x", NULL },
        { { "---x" }, "bad flag syntax: ---x", NULL },
        { { "--cpus=x" },
          "invalid argument \"x\" for \"--cpus\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
          NULL },
        { { "--cpus", "9223372036854775808" },
          "invalid argument \"9223372036854775808\" for \"--cpus\" flag: strconv.ParseInt: parsing "
          "\"9223372036854775808\": value out of range",
          NULL },
        { { "--ssh-port=70000" },
          "invalid argument \"70000\" for \"--ssh-port\" flag: strconv.ParseUint: parsing \"70000\": "
          "value out of range",
          NULL },
        { { "--ssh-port=-1" },
          "invalid argument \"-1\" for \"--ssh-port\" flag: strconv.ParseUint: parsing \"-1\": "
          "invalid syntax",
          NULL },
        { { "--memory=4G" },
          "invalid argument \"4G\" for \"--memory\" flag: strconv.ParseFloat: parsing \"4G\": "
          "invalid syntax",
          NULL },
        { { "--timeout=5" },
          "invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\"", NULL },
        { { "--force=maybe" },
          "invalid argument \"maybe\" for \"-f, --force\" flag: strconv.ParseBool: parsing \"maybe\": "
          "invalid syntax",
          NULL },
        { { "--mount=\"a" },
          "invalid argument \"\\\"a\" for \"--mount\" flag: parse error on line 1, column 3: extraneous "
          "or missing \" in quoted-field",
          NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample got;
        auto_mem char *positionals = NULL;
        auto_err struct err *err = NULL;

        check_row(!parse(&got, cases[i].words, 0, &positionals, &err), cases[i].message);
        assert_string_equal(err_text(err), cases[i].message);
        if (cases[i].hint)
            assert_string_equal(err_hint_text(err), cases[i].hint);
        else
            assert_null(err_hint_text(err));
        done(&got);
    }
}

static void verb_is_the_first_word_that_is_no_value(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        ptrdiff_t at;
    } cases[] = {
        { { "stop" }, 0 },
        { { "-f", "stop" }, 1 },
        { { "--format", "x", "stop" }, 2 },
        { { "--format=x", "stop" }, 1 },
        { { "--unknown", "x", "stop" }, 2 },
        { { "--format", "stop" }, -1 },
        { { "--", "stop" }, -1 },
        { { NULL }, -1 },
    };
    struct opt_set set = { rows, COUNT(rows), NULL };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(args_find_verb(&set, 1, (char *const *)cases[i].words), cases[i].at);
}

static void distance_counts_edits(void **state)
{
    assert_int_equal(word_distance("start", "strt"), 1);
    assert_int_equal(word_distance("start", "START"), 0);
    assert_int_equal(word_distance("", "ab"), 2);
    assert_int_equal(word_distance("kitten", "sitting"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_positionals_mix),
        cmocka_unit_test(values_are_typed_and_say_whether_given),
        cmocka_unit_test(presets_count_as_not_given),
        cmocka_unit_test(slices_split_and_arrays_do_not),
        cmocka_unit_test(bad_input_is_named_as_pflag_does),
        cmocka_unit_test(verb_is_the_first_word_that_is_no_value),
        cmocka_unit_test(distance_counts_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
