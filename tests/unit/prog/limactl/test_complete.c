#include "prog/limactl/complete.h"

#include "unit_test.h"

static char *candidates(const char *const *typed, unsigned *out_directive)
{
    auto_strv struct strv words = { 0 };
    auto_strv struct strv found = { 0 };

    for (; *typed; typed++)
        strv_push(&words, *typed);
    *out_directive = complete_words(&words, &found);
    for (size_t i = 0; i < found.n; i++)
        found.v[i][strcspn(found.v[i], "\t")] = '\0';
    return strv_join(&found, " ");
}

static void candidates_fit_the_place(void **state)
{
    static const struct {
        const char *words[6];
        const char *found;
        unsigned directive;
    } cases[] = {
        { { "comp" }, "completion", COMPLETE_NO_FILES },
        { { "--log-f" }, "--log-format", COMPLETE_NO_FILES },
        { { "--log-format", "" }, "text json", COMPLETE_NO_FILES },
        { { "--log-format=j" }, "json", COMPLETE_NO_FILES },
        { { "--log-format", "json", "comp" }, "completion", COMPLETE_NO_FILES },
        { { "completion", "" }, "bash fish powershell zsh", COMPLETE_NO_FILES },
        { { "completion", "bash", "--no" }, "--no-descriptions", COMPLETE_NO_FILES },
        { { "completion", "bash", "--no-descriptions=" }, "true false", COMPLETE_NO_FILES },
        { { "completion", "bash", "" }, "", COMPLETE_NO_FILES },
        { { "help", "compl" }, "completion", COMPLETE_NO_FILES },
        { { "bogus", "" }, "", COMPLETE_NO_FILES },
        { { "hostag" }, "", COMPLETE_NO_FILES },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned directive;
        auto_mem char *found = candidates(cases[i].words, &directive);

        check_row(strcmp(found, cases[i].found) == 0, cases[i].words[0]);
        assert_int_equal(directive, cases[i].directive);
    }
}

static void requests_are_recognised(void **state)
{
    assert_true(complete_is_request("__complete"));
    assert_true(complete_is_request("__completeNoDesc"));
    assert_false(complete_is_request("completion"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_fit_the_place),
        cmocka_unit_test(requests_are_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
