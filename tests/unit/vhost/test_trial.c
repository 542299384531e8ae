#include "vhost/trial.h"

#include "../unit_test.h"

#define US       ((int64_t)1000)
#define TRIED_NS (VHOST_TRIAL_TURNS * (int64_t)VHOST_TRIAL_TURN_NS)

struct guest {
    struct vhost_trial trial;
    int64_t now_ns, second_ns; /* of it, the second way */
    bool is_second;
    unsigned n_changes;
};

/* A request that comes so soon, each way. */
static void ask_once(struct guest *g, int64_t first_ns, int64_t second_ns)
{
    int64_t took_ns = g->is_second ? second_ns : first_ns;
    bool was_second = g->is_second;

    g->now_ns += took_ns;
    g->second_ns += was_second ? took_ns : 0;
    g->is_second = vhost_trial_note(&g->trial, g->now_ns);
    g->n_changes += g->is_second != was_second;
}

static void ask(struct guest *g, int64_t for_ns, int64_t first_ns, int64_t second_ns)
{
    for (int64_t until = g->now_ns + for_ns; g->now_ns < until;)
        ask_once(g, first_ns, second_ns);
}

static void half_of_the_time_is_tried_each_way_in_turns(void **state)
{
    struct guest g = { 0 };

    ask(&g, TRIED_NS, 250 * US, 250 * US);
    assert_in_range(g.second_ns, TRIED_NS / 2 - 1000 * US, TRIED_NS / 2 + 1000 * US);
    assert_int_equal(g.n_changes, VHOST_TRIAL_TURNS / 2);
}

static void the_second_way_is_kept_if_it_is_clearly_better(void **state)
{
    struct guest g = { 0 }, not_clearly = { 0 };

    ask(&g, TRIED_NS, 300 * US, 270 * US);
    ask(&not_clearly, TRIED_NS, 300 * US, 295 * US);
    while (not_clearly.now_ns < TRIED_NS + VHOST_TRIAL_KEEP_NS - 1000 * US) {
        assert_true(g.is_second);
        assert_false(not_clearly.is_second);
        ask_once(&g, 300 * US, 270 * US);
        ask_once(&not_clearly, 300 * US, 295 * US);
    }
}

/* What the next trial decides of a second way that was clearly better and has changed. */
static void expect_next(int64_t first_ns, int64_t second_ns, bool is_second)
{
    struct guest g = { 0 };

    ask(&g, TRIED_NS + VHOST_TRIAL_KEEP_NS / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
    ask(&g, VHOST_TRIAL_KEEP_NS / 2 + TRIED_NS + 1000 * US, first_ns, second_ns);
    assert_int_equal(g.is_second, is_second);
    ask(&g, VHOST_TRIAL_KEEP_NS / 2, first_ns, second_ns);
    assert_int_equal(g.is_second, is_second);
}

static void a_slower_second_way_is_given_up_after_the_next_trial(void **state)
{
    expect_next(300 * US, 320 * US, false);
}

static void a_little_is_enough_to_stay(void **state)
{
    expect_next(300 * US, 295 * US, true);
}

/* The guest becomes slower and slower: that is no reason for either. */
static void what_changes_meanwhile_falls_to_both(void **state)
{
    struct guest g = { 0 };

    for (int64_t i = 0; g.now_ns < TRIED_NS; i++)
        ask_once(&g, 200 * US + i * 150, 200 * US + i * 150);
    assert_false(g.is_second);
    assert_in_range(g.trial.n[1], g.trial.n[0] * 98 / 100, g.trial.n[0] * 102 / 100);
}

static void a_rest_of_the_guest_hides_nothing(void **state)
{
    struct guest g = { 0 };

    ask(&g, VHOST_TRIAL_TURN_NS * 3 / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
    ask_once(&g, 3600000000 * US, 3600000000 * US);
    assert_true(g.is_second);
    ask(&g, TRIED_NS - VHOST_TRIAL_TURN_NS * 3 / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
    ask(&g, VHOST_TRIAL_KEEP_NS / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_time_is_tried_each_way_in_turns),
        cmocka_unit_test(the_second_way_is_kept_if_it_is_clearly_better),
        cmocka_unit_test(a_slower_second_way_is_given_up_after_the_next_trial),
        cmocka_unit_test(a_little_is_enough_to_stay),
        cmocka_unit_test(what_changes_meanwhile_falls_to_both),
        cmocka_unit_test(a_rest_of_the_guest_hides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
