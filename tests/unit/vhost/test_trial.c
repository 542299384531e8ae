#include "vhost/trial.h"

#include "../unit_test.h"

enum { US = 1000, N_TRIED = VHOST_TRIAL_TURN * VHOST_TRIAL_TURNS };

struct guest {
    struct vhost_trial trial;
    int64_t now_ns;
    bool is_second;
    unsigned n_second, n_changes;
};

/* Requests that come so fast, each way. */
static void ask(struct guest *g, unsigned n, int64_t first_ns, int64_t second_ns)
{
    for (unsigned i = 0; i < n; i++) {
        bool was_second = g->is_second;

        g->n_second += g->is_second;
        g->now_ns += g->is_second ? second_ns : first_ns;
        g->is_second = vhost_trial_note(&g->trial, g->now_ns);
        g->n_changes += g->is_second != was_second;
    }
}

static void half_of_the_requests_are_tried_each_way_in_turns(void **state)
{
    struct guest g = { 0 };

    ask(&g, N_TRIED - 1, 300 * US, 300 * US);
    assert_int_equal(g.n_second, N_TRIED / 2);
    assert_int_equal(g.n_changes, VHOST_TRIAL_TURNS / 2);
}

static void the_second_way_is_kept_if_it_is_clearly_better(void **state)
{
    struct guest g = { 0 }, not_clearly = { 0 };

    ask(&g, N_TRIED, 300 * US, 250 * US);
    ask(&not_clearly, N_TRIED, 300 * US, 280 * US);
    for (unsigned i = 0; i < VHOST_TRIAL_KEEP - 1; i++) {
        assert_true(g.is_second);
        assert_false(not_clearly.is_second);
        ask(&g, 1, 300 * US, 250 * US);
        ask(&not_clearly, 1, 300 * US, 280 * US);
    }
}

static void a_slower_second_way_is_given_up_after_the_next_trial(void **state)
{
    struct guest g = { 0 };

    ask(&g, N_TRIED, 300 * US, 200 * US);
    ask(&g, VHOST_TRIAL_KEEP, 300 * US, 320 * US);
    ask(&g, N_TRIED, 300 * US, 320 * US);
    assert_false(g.is_second);
}

static void a_little_is_enough_to_stay(void **state)
{
    struct guest g = { 0 };

    ask(&g, N_TRIED, 300 * US, 200 * US);
    ask(&g, VHOST_TRIAL_KEEP, 300 * US, 295 * US);
    ask(&g, N_TRIED, 300 * US, 295 * US);
    assert_true(g.is_second);
}

/* The guest becomes slower and slower: that is no reason against either. */
static void what_changes_meanwhile_falls_to_both(void **state)
{
    struct guest g = { 0 };

    for (int i = 0; i < N_TRIED; i++)
        ask(&g, 1, (300 + i / 4) * US, (300 + i / 4) * US);
    assert_false(g.is_second);
    assert_in_range(g.trial.took_ns[1], g.trial.took_ns[0] * 98 / 100,
                    g.trial.took_ns[0] * 102 / 100);
}

static void a_rest_of_the_guest_hides_nothing(void **state)
{
    struct guest g = { 0 };

    ask(&g, VHOST_TRIAL_TURN * 3 / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
    g.now_ns += 3600 * (int64_t)1000000000;
    ask(&g, N_TRIED - VHOST_TRIAL_TURN * 3 / 2, 300 * US, 200 * US);
    assert_true(g.is_second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_requests_are_tried_each_way_in_turns),
        cmocka_unit_test(the_second_way_is_kept_if_it_is_clearly_better),
        cmocka_unit_test(a_slower_second_way_is_given_up_after_the_next_trial),
        cmocka_unit_test(a_little_is_enough_to_stay),
        cmocka_unit_test(what_changes_meanwhile_falls_to_both),
        cmocka_unit_test(a_rest_of_the_guest_hides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
