#include "prog/guestagent/phases.h"

#include "tree.h"

static void news_are_told_from_repetitions(void **state)
{
    struct phases phases = { 0 };

    assert_true(phases_set(&phases, GUEST_PHASE_SSH, GUEST_BEGUN, NULL));
    assert_false(phases_set(&phases, GUEST_PHASE_SSH, GUEST_BEGUN, ""));
    assert_true(phases_set(&phases, GUEST_PHASE_SSH, GUEST_FAILED, "why"));
    assert_false(phases_set(&phases, GUEST_PHASE_SSH, GUEST_FAILED, "why\n"));
    assert_true(phases_set(&phases, GUEST_PHASE_SSH, GUEST_FAILED, "else"));
    assert_true(phases_is(&phases, GUEST_PHASE_SSH, GUEST_FAILED));
    assert_false(phases_is(&phases, GUEST_PHASE_BOOT, GUEST_BEGUN));
    phases_done(&phases);
}

static void file_brings_them_back(void **state)
{
    auto_mem char *path = temp_path("phases");
    struct phases before = { 0 }, after = { 0 };

    phases_load(&after, path); /* missing */
    phases_set(&before, GUEST_PHASE_INIT, GUEST_DONE, NULL);
    phases_set(&before, GUEST_PHASE_BOOT, GUEST_FAILED, "one.sh\ntwo.sh\n");
    assert_true(phases_save(&before, path, NULL));
    tree_check("phases", "init done \nboot failed one.sh, two.sh\n");
    phases_load(&after, path);
    assert_true(phases_is(&after, GUEST_PHASE_INIT, GUEST_DONE));
    assert_true(phases_is(&after, GUEST_PHASE_BOOT, GUEST_FAILED));
    assert_string_equal(after.v[GUEST_PHASE_BOOT].text, "one.sh, two.sh");
    phases_done(&before);
    phases_done(&after);
}

static void odd_lines_are_skipped(void **state)
{
    struct phases phases = { 0 };

    phases_parse(&phases, SV("\nssh\nssh gone\nmoon done\nroot done"));
    assert_true(phases_is(&phases, GUEST_PHASE_ROOT, GUEST_DONE));
    assert_false(phases.v[GUEST_PHASE_SSH].known);
    phases_done(&phases);
}

static void all_are_sent_in_order(void **state)
{
    static const enum guest_phase expected[] = { GUEST_PHASE_SEED, GUEST_PHASE_BOOT };
    struct phases phases = { 0 };
    auto_sb struct sb frames = { 0 };
    struct sv rest;

    phases_set(&phases, GUEST_PHASE_BOOT, GUEST_BEGUN, "x");
    phases_set(&phases, GUEST_PHASE_SEED, GUEST_DONE, NULL);
    phases_put_all(&phases, &frames);
    rest = sb_view(&frames);
    for (size_t i = 0; i < COUNT(expected); i++) {
        size_t n = (uint8_t)rest.p[3];
        struct guest_msg msg;

        assert_true(guest_decode(&msg, sv_slice(rest, 4, 4 + n), NULL));
        assert_int_equal(msg.type, GUEST_PHASE);
        assert_int_equal(msg.phase, expected[i]);
        rest = sv_slice(rest, 4 + n, rest.n);
    }
    assert_int_equal(rest.n, 0);
    phases_done(&phases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_are_told_from_repetitions),
        cmocka_unit_test(file_brings_them_back),
        cmocka_unit_test(odd_lines_are_skipped),
        cmocka_unit_test(all_are_sent_in_order),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
