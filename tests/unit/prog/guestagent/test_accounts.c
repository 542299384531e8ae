#include "prog/guestagent/accounts.h"

#include "unit_test.h"

#define PASSWD \
    "root:x:0:0:root:/root:/bin/bash\n# comment\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"

static const struct account jane = { .name = "jane",
                                     .comment = "Jane: Doe",
                                     .home = "/home/jane.guest",
                                     .shell = "/bin/bash",
                                     .uid = 1000,
                                     .gid = 1001 };

static void check_passwd(const char *before, const char *after)
{
    auto_sb struct sb out = { 0 };

    accounts_edit_passwd(sv_of(before), &jane, &out);
    assert_string_equal(sb_str(&out), after);
}

static void new_user_is_appended(void **state)
{
    check_passwd(PASSWD, PASSWD "jane:x:1000:1001:Jane  Doe:/home/jane.guest:/bin/bash\n");
    check_passwd("", "jane:x:1000:1001:Jane  Doe:/home/jane.guest:/bin/bash\n");
}

static void existing_user_is_changed_in_place(void **state)
{
    check_passwd("jane:secret:7:8::/:/bin/sh\n" PASSWD,
                 "jane:secret:1000:1001:Jane  Doe:/home/jane.guest:/bin/bash\n" PASSWD);
}

static void our_user_comes_before_another_of_the_same_id(void **state)
{
    check_passwd("debian:x:1000:1000::/home/debian:/bin/sh\n",
                 "jane:x:1000:1001:Jane  Doe:/home/jane.guest:/bin/bash\n"
                 "debian:x:1000:1000::/home/debian:/bin/sh\n");
}

static void second_run_changes_nothing(void **state)
{
    auto_sb struct sb once = { 0 }, twice = { 0 };

    accounts_edit_passwd(SV(PASSWD), &jane, &once);
    accounts_edit_passwd(sb_view(&once), &jane, &twice);
    assert_string_equal(sb_str(&once), sb_str(&twice));
}

static void names_that_only_begin_alike_are_others(void **state)
{
    check_passwd("janet:x:1003:1003:::\n",
                 "janet:x:1003:1003:::\njane:x:1000:1001:Jane  Doe:/home/jane.guest:/bin/bash\n");
}

static void group_is_chosen(void **state)
{
    static const struct {
        const char *passwd, *group;
        uint32_t gid;
        bool missing;
    } cases[] = {
        { "", "", 1000, true },
        { "", "users:x:1000:\n", 1001, true },
        { "", "users:x:1000:\nx:x:1001:\n", 1002, true },
        { "", "jane:x:7:\n", 7, false },
        { "jane:x:1000:33::/:/bin/sh\n", "www:x:33:\n", 33, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool missing;
        uint32_t gid =
            accounts_gid(sv_of(cases[i].passwd), sv_of(cases[i].group), "jane", 1000, &missing);

        check_row(gid == cases[i].gid && missing == cases[i].missing, cases[i].group);
    }
}

static void shadow_row_is_added_once(void **state)
{
    auto_sb struct sb once = { 0 }, twice = { 0 };

    accounts_edit_shadow(SV("root:!:19000:0:99999:7:::"), "jane", &once);
    assert_string_equal(sb_str(&once), "root:!:19000:0:99999:7:::\njane:*:::::::\n");
    accounts_edit_shadow(sb_view(&once), "jane", &twice);
    assert_string_equal(sb_str(&twice), sb_str(&once));
}

static void group_rows_have_their_fields(void **state)
{
    auto_sb struct sb group = { 0 }, gshadow = { 0 };

    accounts_add_group(SV("root:x:0:\n"), "jane", 1001, &group);
    assert_string_equal(sb_str(&group), "root:x:0:\njane:x:1001:\n");
    accounts_edit_gshadow(SV("root:*::\n"), "jane", &gshadow);
    assert_string_equal(sb_str(&gshadow), "root:*::\njane:!::\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_user_is_appended),
        cmocka_unit_test(existing_user_is_changed_in_place),
        cmocka_unit_test(our_user_comes_before_another_of_the_same_id),
        cmocka_unit_test(second_run_changes_nothing),
        cmocka_unit_test(names_that_only_begin_alike_are_others),
        cmocka_unit_test(group_is_chosen),
        cmocka_unit_test(shadow_row_is_added_once),
        cmocka_unit_test(group_rows_have_their_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
