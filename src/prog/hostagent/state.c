#include "prog/hostagent/state.h"

#include <assert.h>

#include "base/enum.h"
#include "base/log.h"

const char *const agent_state_names[AGENT_STATE_COUNT] = {
    "prepare", "launch", "wait", "ready", "stop", "exit",
};

bool agent_state_may_follow(enum agent_state from, enum agent_state to)
{
    switch (from) {
    case AGENT_PREPARE:
        return to == AGENT_LAUNCH || to == AGENT_EXIT;
    case AGENT_LAUNCH:
        return to == AGENT_WAIT || to == AGENT_STOP || to == AGENT_EXIT;
    case AGENT_WAIT:
        return to == AGENT_READY || to == AGENT_STOP || to == AGENT_EXIT;
    case AGENT_READY:
        return to == AGENT_STOP || to == AGENT_EXIT;
    case AGENT_STOP:
        return to == AGENT_EXIT;
    case AGENT_EXIT:
    case AGENT_STATE_COUNT:
        break;
    }
    return false;
}

void agent_state_set(enum agent_state *state, enum agent_state to)
{
    assert(agent_state_may_follow(*state, to));
    log_debug("host agent: %s -> %s", agent_state_names[*state], agent_state_names[to]);
    *state = to;
}
