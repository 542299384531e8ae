#include "prog/guestagent/etc_text.h"

#include "unit_test.h"

static void hosts_gets_both_names(void **state)
{
    static const struct {
        const char *before, *hostname, *gateway, *after;
    } cases[] = {
        { "127.0.0.1 localhost\n::1 ip6\n", "lima-x", "192.168.5.2",
          "127.0.0.1 localhost\n127.0.1.1 lima-x\n::1 ip6\n192.168.5.2 host.lima.internal\n" },
        { "", "lima-x", "10.0.0.1",
          "127.0.0.1 localhost\n127.0.1.1 lima-x\n10.0.0.1 host.lima.internal\n" },
        { "127.0.0.1\tlocalhost\n127.0.1.1 old\n1.2.3.4 a host.lima.internal\n5.6.7.8 b\n",
          "lima-x", "10.0.0.1",
          "127.0.0.1\tlocalhost\n127.0.1.1 lima-x\n10.0.0.1 host.lima.internal\n5.6.7.8 b\n" },
        { "127.0.0.1 localhost # 127.0.1.1\n127.0.1.1 old\n1.2.3.4 host.lima.internal", "", "",
          "127.0.0.1 localhost # 127.0.1.1\n127.0.1.1 old\n1.2.3.4 host.lima.internal\n" },
        { "127.0.0.1 localhost # host.lima.internal\n", "", "10.0.0.1",
          "127.0.0.1 localhost # host.lima.internal\n10.0.0.1 host.lima.internal\n" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb once = { 0 }, twice = { 0 };

        hosts_edit(sv_of(cases[i].before), cases[i].hostname, cases[i].gateway, &once);
        assert_string_equal(sb_str(&once), cases[i].after);
        hosts_edit(sb_view(&once), cases[i].hostname, cases[i].gateway, &twice);
        assert_string_equal(sb_str(&twice), sb_str(&once));
    }
}

static void environment_block_is_replaced(void **state)
{
    static const struct {
        const char *before, *block, *after;
    } cases[] = {
        { "A=1\n", "#LIMA-START\nB=2\n#LIMA-END\n", "A=1\n#LIMA-START\nB=2\n#LIMA-END\n" },
        { "A=1\n#LIMA-START\nB=1\n#LIMA-END\nC=3", "#LIMA-START\nB=2\n#LIMA-END",
          "A=1\n#LIMA-START\nB=2\n#LIMA-END\nC=3\n" },
        { "#LIMA-START\nB=1\n#LIMA-END\nC=3\n", "", "C=3\n" },
        { "A=1\n#LIMA-START\nB=1\n", "#LIMA-START\n#LIMA-END\n", "A=1\n#LIMA-START\n#LIMA-END\n" },
        { "", "", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_sb struct sb out = { 0 };

        environment_edit(sv_of(cases[i].before), sv_of(cases[i].block), &out);
        assert_string_equal(sb_str(&out), cases[i].after);
    }
}

static void keys_are_added_once_and_never_removed(void **state)
{
    auto_sb struct sb out = { 0 };

    authorized_keys_edit(SV("ssh-rsa mine\nssh-ed25519 a"),
                         SV("ssh-ed25519 a\n\n# x\nssh-ed25519 b\r\nssh-ed25519 b\n"), &out);
    assert_string_equal(sb_str(&out), "ssh-rsa mine\nssh-ed25519 a\nssh-ed25519 b\n");
}

static void sudoers_says_whether_a_password_is_asked(void **state)
{
    auto_sb struct sb with = { 0 }, without = { 0 };

    sudoers_render("jane", false, &with);
    sudoers_render("jane", true, &without);
    assert_string_equal(sb_str(&with), "jane ALL=(ALL) ALL\n");
    assert_string_equal(sb_str(&without), "jane ALL=(ALL) NOPASSWD:ALL\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_gets_both_names),
        cmocka_unit_test(environment_block_is_replaced),
        cmocka_unit_test(keys_are_added_once_and_never_removed),
        cmocka_unit_test(sudoers_says_whether_a_password_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
