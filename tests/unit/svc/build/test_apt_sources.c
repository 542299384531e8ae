#include "svc/build/apt_sources.h"

#include "unit_test.h"

static const struct apt_suite same = { "bookworm", "bookworm" };
static const struct apt_suite newer = { "trixie", "bookworm" };

static void one_line_sources_are_reduced_to_the_distribution(void **state)
{
    auto_sb struct sb out = { 0 };

    apt_sources_convert_list(SV("# deb http://off bookworm main\n"
                                "deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm "
                                "main contrib # x\n"
                                "deb-src http://m/debian bookworm main\n"
                                "deb http://other nodistro main\n"
                                "deb http://m/debian bookworm-backports main\n"
                                "deb http://m/debian bookworm contrib\n"
                                "deb cdrom:[x]/ bookworm main\n"
                                "deb\thttps://s/security\tbookworm-security\tmain"),
                             &same, &out);
    assert_string_equal(sb_str(&out),
                        "Types: deb\nURIs: http://m/debian\nSuites: bookworm\nComponents: main\n"
                        "Signed-By: /k.gpg\n\n"
                        "Types: deb\nURIs: https://s/security\nSuites: bookworm-security\n"
                        "Components: main\n\n");
}

static void stanzas_keep_their_embedded_key(void **state)
{
    auto_sb struct sb out = { 0 };

    apt_sources_convert_deb822(SV("Types: deb deb-src\n"
                                  "# a comment\n"
                                  "URIs: http://a http://b\n"
                                  "suites: bookworm bookworm-updates bookworm-backports\n"
                                  "Components: main contrib\n"
                                  "Signed-By:\n -----BEGIN\n .\n -----END\n"
                                  "\n\n"
                                  "Types: deb\nURIs: http://c\nSuites: nodistro\nComponents: main\n"),
                               &same, &out);
    assert_string_equal(sb_str(&out),
                        "Types: deb\nURIs: http://a http://b\nSuites: bookworm bookworm-updates\n"
                        "Components: main\nSigned-By: -----BEGIN\n .\n -----END\n\n");
}

static void switched_off_stanzas_are_left_out(void **state)
{
    auto_sb struct sb out = { 0 };

    apt_sources_convert_deb822(SV("Enabled: no\nTypes: deb\nURIs: http://a\n"
                                  "Suites: bookworm\nComponents: main\n\n"
                                  "Types: deb-src\nURIs: http://a\n"
                                  "Suites: bookworm\nComponents: main\n"),
                               &same, &out);
    assert_string_equal(sb_str(&out), "");
}

static void another_release_of_the_host_is_turned_to_the_recipes(void **state)
{
    auto_sb struct sb out = { 0 };

    apt_sources_convert_list(SV("deb http://m trixie-security main\ndeb http://m bookworm main\n"),
                             &newer, &out);
    assert_string_equal(sb_str(&out), "Types: deb\nURIs: http://m\nSuites: bookworm-security\n"
                                      "Components: main\n\n");
}

static void broken_lines_give_nothing(void **state)
{
    auto_sb struct sb out = { 0 };

    apt_sources_convert_list(SV("deb\ndeb [\ndeb [a=b\ndeb http://m\ndeb http://m bookworm"), &same, &out);
    apt_sources_convert_deb822(SV(" x\n:\nURIs\n\n\n"), &same, &out);
    assert_string_equal(sb_str(&out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_sources_are_reduced_to_the_distribution),
        cmocka_unit_test(stanzas_keep_their_embedded_key),
        cmocka_unit_test(switched_off_stanzas_are_left_out),
        cmocka_unit_test(another_release_of_the_host_is_turned_to_the_recipes),
        cmocka_unit_test(broken_lines_give_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
