/*
 * The life of a host agent as a state machine. Every change goes through agent_state_set(), which
 * logs it and asserts that it is legal.
 *
 *     PREPARE --> LAUNCH --> WAIT --> READY
 *        |          |  |      | |      | |
 *        |          |  +------)-+------)-+--> STOP --> EXIT
 *        +----------+---------+--------+-------------> EXIT
 *
 * PREPARE  no machine yet: API socket, signals, driver object
 * LAUNCH   the driver starts or takes over the machine; no guest code is known to run
 * WAIT     the machine runs; readiness.h finds out how far the guest is
 * READY    the event "running" was sent; nothing is waited for
 * STOP     a signal came: the guest is asked to power off (and killed by a second signal)
 * EXIT     the machine is gone, or never came; what is left is closed
 */
#ifndef PROG_HOSTAGENT_STATE_H
#define PROG_HOSTAGENT_STATE_H

#include <stdbool.h>

enum agent_state {
    AGENT_PREPARE,
    AGENT_LAUNCH,
    AGENT_WAIT,
    AGENT_READY,
    AGENT_STOP,
    AGENT_EXIT,
    AGENT_STATE_COUNT,
};
extern const char *const agent_state_names[AGENT_STATE_COUNT];

bool agent_state_may_follow(enum agent_state from, enum agent_state to);
void agent_state_set(enum agent_state *state, enum agent_state to);

#endif
