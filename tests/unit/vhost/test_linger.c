#include "vhost/linger.h"

#include "../unit_test.h"

enum { SHORT = VHOST_LINGER_NS / 2, LONG = VHOST_LINGER_NS };

static void one_request_is_no_reason_to_linger(void **state)
{
    struct vhost_linger l = { 0 };

    vhost_linger_note_at(&l, 10 * (int64_t)LONG);
    assert_false(vhost_linger_goes_on_at(&l, 10 * (int64_t)LONG + 1));
}

static void two_that_follow_closely_are(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)LONG;

    vhost_linger_note_at(&l, now);
    vhost_linger_note_at(&l, now += SHORT);
    assert_true(vhost_linger_goes_on_at(&l, now + 1));
    assert_false(vhost_linger_goes_on_at(&l, now + LONG));
}

static void the_devices_own_time_does_not_count(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)LONG;

    vhost_linger_note_at(&l, now);
    vhost_linger_answered_at(&l, now += 5 * LONG);
    assert_false(vhost_linger_goes_on_at(&l, now + 1));
    vhost_linger_note_at(&l, now += SHORT);
    vhost_linger_answered_at(&l, now += 5 * LONG);
    assert_true(vhost_linger_goes_on_at(&l, now + 1));
}

/* The next request comes after so long; whether it is still looked for then changes that. */
static bool ask(struct vhost_linger *l, int64_t *now, int64_t looked_for_ns, int64_t kicked_ns)
{
    bool is_looked_for = vhost_linger_goes_on_at(l, *now + looked_for_ns - 1);

    *now += is_looked_for ? looked_for_ns : kicked_ns;
    vhost_linger_asked_at(l, *now);
    vhost_linger_answered_at(l, *now);
    return is_looked_for;
}

static void a_slow_guest_is_waited_for_if_that_makes_it_faster(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)VHOST_LINGER_LONG_NS;

    while (now < VHOST_TRIAL_TURNS * (int64_t)VHOST_TRIAL_TURN_NS + VHOST_TRIAL_KEEP_NS / 2)
        (void)ask(&l, &now, 2 * LONG, 3 * LONG);
    assert_true(ask(&l, &now, 2 * LONG, 3 * LONG));
    assert_false(vhost_linger_goes_on_at(&l, now + VHOST_LINGER_LONG_NS));
}

static void lingering_in_vain_ends_it_until_two_follow_closely_again(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)LONG;

    vhost_linger_note_at(&l, now);
    vhost_linger_note_at(&l, now += SHORT);
    assert_false(vhost_linger_goes_on_at(&l, now += LONG));
    vhost_linger_note_at(&l, now);
    assert_false(vhost_linger_goes_on_at(&l, now + 1));
    vhost_linger_note_at(&l, now += SHORT);
    assert_true(vhost_linger_goes_on_at(&l, now + 1));
}

static void what_others_took_between_two_looks_ends_it_for_a_while(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)LONG, until;

    vhost_linger_note_at(&l, now);
    vhost_linger_note_at(&l, now += SHORT);
    assert_true(vhost_linger_goes_on_at(&l, now += 1));
    assert_false(vhost_linger_goes_on_at(&l, now += VHOST_LINGER_CROWDED_NS + 1));
    until = now + VHOST_LINGER_PAUSE_NS;
    while (now + SHORT < until) {
        vhost_linger_note_at(&l, now += SHORT);
        assert_false(vhost_linger_goes_on_at(&l, now));
    }
    vhost_linger_note_at(&l, now += SHORT);
    assert_true(vhost_linger_goes_on_at(&l, now));
}

static void the_first_look_after_an_activity_may_come_late(void **state)
{
    struct vhost_linger l = { 0 };
    int64_t now = 10 * (int64_t)LONG;

    vhost_linger_note_at(&l, now);
    vhost_linger_note_at(&l, now += SHORT);
    assert_true(vhost_linger_goes_on_at(&l, now += 1));
    vhost_linger_note_at(&l, now += SHORT); /* the device was busy with it */
    assert_true(vhost_linger_goes_on_at(&l, now += SHORT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_is_no_reason_to_linger),
        cmocka_unit_test(two_that_follow_closely_are),
        cmocka_unit_test(the_devices_own_time_does_not_count),
        cmocka_unit_test(a_slow_guest_is_waited_for_if_that_makes_it_faster),
        cmocka_unit_test(what_others_took_between_two_looks_ends_it_for_a_while),
        cmocka_unit_test(the_first_look_after_an_activity_may_come_late),
        cmocka_unit_test(lingering_in_vain_ends_it_until_two_follow_closely_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
