#include "prog/hostagent/state.h"

#include "base/auto.h"
#include "unit_test.h"

static void only_the_drawn_changes_are_legal(void **state)
{
    static const enum agent_state legal[][2] = {
        { AGENT_PREPARE, AGENT_LAUNCH }, { AGENT_PREPARE, AGENT_EXIT }, { AGENT_LAUNCH, AGENT_WAIT },
        { AGENT_LAUNCH, AGENT_STOP },    { AGENT_LAUNCH, AGENT_EXIT },  { AGENT_WAIT, AGENT_READY },
        { AGENT_WAIT, AGENT_STOP },      { AGENT_WAIT, AGENT_EXIT },    { AGENT_READY, AGENT_STOP },
        { AGENT_READY, AGENT_EXIT },     { AGENT_STOP, AGENT_EXIT },
    };

    for (enum agent_state from = 0; from < AGENT_STATE_COUNT; from++)
        for (enum agent_state to = 0; to < AGENT_STATE_COUNT; to++) {
            bool expected = false;

            for (size_t i = 0; i < COUNT(legal); i++)
                expected = expected || (legal[i][0] == from && legal[i][1] == to);
            check_row(agent_state_may_follow(from, to) == expected, agent_state_names[from]);
        }
}

static void setting_changes_the_state(void **state)
{
    enum agent_state s = AGENT_PREPARE;

    agent_state_set(&s, AGENT_LAUNCH);
    assert_int_equal(s, AGENT_LAUNCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_drawn_changes_are_legal),
        cmocka_unit_test(setting_changes_the_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
